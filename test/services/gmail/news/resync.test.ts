import t from 'tap'
import { aMoment, openNewsroom } from './newsroom.ts'

const mail = { subject: 'News', from: 'Charles <charles@example.org>', body: 'The mill turns.' }
const hour = 3_600_000

t.test('[G27] an expired cursor › an event says so, and mail since the last successful read is found', async t => {
  const { follow, mailbox, pass, news, told, stored, calls, connection } = await openNewsroom(t)
  await follow({ events: ['received', 'sent'] })
  await pass(2 * hour)
  const before = mailbox.receive(mail)
  await pass(hour)
  const from = (await stored()).cursor
  t.same(await news(), [`received ${before.id}`])

  const ids = Array.from({ length: 3 }, (_, n) => mailbox.receive({ ...mail, subject: `No. ${n}` }).id)
  mailbox.receive(mail, { labels: ['SPAM'] })
  mailbox.receive(mail, { labels: ['DRAFT'] })
  const sent = mailbox.receive(mail, { labels: ['SENT'] })
  mailbox.history.jumpTo('9007199254740993')
  mailbox.history.forget()
  await pass(hour)

  const to = '9007199254740993'
  const { data, type } = (await told())[1] ?? {}
  t.equal(type, 'gmail.resync')
  t.same(data, { connectionId: connection.id, from, to, truncated: false, reason: 'cursor_expired' })
  t.same((await news()).slice(2), [...ids.map(id => `received ${id}`), `sent ${sent.id}`], 'none twice, oldest first')
  t.equal((await stored()).cursor, to, 'from the profile, not from a message')
  t.equal(calls('messages.list'), 2)
  t.equal(calls('messages.get'), 0)

  const { id } = mailbox.receive(mail)
  await pass(hour)
  t.equal((await news()).at(-1), `received ${id}`, 'and it goes on from there')
  t.equal((await news()).filter(one => one.startsWith('resync')).length, 1)
})

t.test('[G27] an expired cursor › more mail than is looked up › the event says that some is missing', async t => {
  const { follow, mailbox, pass, news, told, calls } = await openNewsroom(t)
  await follow()
  await pass(hour)
  for (let n = 0; n < 3_000; n++) mailbox.receive(mail)
  mailbox.history.forget()
  await pass(aMoment)
  t.match((await told())[0], { type: 'gmail.resync', data: { truncated: true } })
  t.equal((await news()).length, 501)
  t.equal(calls('messages.list'), 1)
})

t.test('[G27] a resync › is cut off › it is repeated, with one event', async t => {
  const { follow, mailbox, pass, news, google } = await openNewsroom(t)
  // Gmail's search knows seconds alone.
  await pass(2_000)
  await follow()
  await pass(hour)
  const { id } = mailbox.receive(mail)
  mailbox.history.forget()
  google.fault('gmail', { status: 503 }, { times: 2, only: ({ gmailMethod }) => gmailMethod === 'messages.list' })
  await pass(hour)
  t.same(await news(), [], 'half of it is nothing')
  await pass(hour)
  t.same(await news(), ['resync', `received ${id}`])
})

t.test('[G27] a resync › a watch for some labels › only those are looked for', async t => {
  const { follow, mailbox, pass, news } = await openNewsroom(t)
  await pass(2_000)
  const { id: label } = mailbox.labels.create({ name: 'Work' })
  t.same((await follow({ labelIds: ['work'] })).labelIds, [label], 'by its name too')
  await pass(hour)
  mailbox.receive(mail)
  const { id } = mailbox.receive(mail, { labels: ['INBOX', label] })
  mailbox.history.forget()
  await pass(hour)
  t.same(await news(), ['resync', `received ${id}`])
})
