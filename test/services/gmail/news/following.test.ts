import t from 'tap'
import { createBackend } from '../../../backend/backend.ts'
import { collectionsOf } from '../../../helper.ts'
import { aMoment, openNewsroom } from './newsroom.ts'

const mail = { subject: 'News', from: 'Charles <charles@example.org>', body: 'The mill turns.' }

t.test('[G26] new mail › in a watched mailbox › an event with its ids and none of its content', async t => {
  const { follow, mailbox, pass, told, connection, google, calls } = await openNewsroom(t)
  mailbox.receive({ ...mail, subject: 'Before' })
  const state = await follow()
  t.match(state, { status: 'polling', mode: 'poll', events: ['received'], labelIds: [], error: null, expiresAt: null })
  const { id, threadId } = mailbox.receive(mail)
  await pass(aMoment)

  const [event, ...others] = await told()
  t.same(others, [], 'what came before is no news')
  t.match(event, { type: 'gmail.message_received', id: /^evt_/ })
  t.same(event?.data, {
    connectionId: connection.id,
    messageId: id,
    threadId,
    labelIds: ['INBOX', 'UNREAD'],
    historyId: String(mailbox.history.records.at(-1)?.id)
  })
  t.equal(google.calls('gmail') - calls('history.list'), 1, 'nothing is fetched for it')
  await pass(aMoment)
  t.equal((await told()).length, 1, 'and it is told once')
  t.same(google.violations, [])
})

t.test('[G34] a watched mailbox › only mail from others, or moved out of spam, counts as new', async t => {
  const { follow, mailbox, pass, news } = await openNewsroom(t)
  await follow({ events: ['received', 'sent', 'changed', 'deleted'] })
  mailbox.receive(mail, { labels: ['DRAFT'] })
  const sent = mailbox.receive(mail, { labels: ['SENT'] })
  const spam = mailbox.receive(mail, { labels: ['SPAM', 'UNREAD'] })
  await pass(aMoment)
  t.same(await news(), [`sent ${sent.id}`])
  mailbox.changeLabels(spam, ['INBOX'], ['SPAM'])
  mailbox.deleteForever(sent.id)
  await pass(aMoment)
  t.same((await news()).slice(1), [
    `changed ${spam.id}`,
    `received ${spam.id}`,
    `changed ${spam.id}`,
    `deleted ${sent.id}`
  ])
})

t.test('[G26] a backlog › many pages, some of them empty › every event, in order', async t => {
  const { follow, mailbox, pass, news, calls, stored } = await openNewsroom(t)
  await follow()
  const ids = Array.from({ length: 150 }, (_, n) => mailbox.receive({ ...mail, subject: `No. ${n}` }).id)
  mailbox.emptyPages.history.left = 2
  await pass(aMoment)
  t.same(
    await news(),
    ids.map(id => `received ${id}`)
  )
  t.equal(calls('history.list'), 4)
  t.equal((await stored()).cursor, String(mailbox.history.current()))
})

t.test('[G26] a backlog › longer than one round › the next round starts at once, from the stored cursor', async t => {
  const { follow, mailbox, pass, news, stored } = await openNewsroom(t)
  await follow()
  const ids = Array.from({ length: 430 }, (_, n) => mailbox.receive({ ...mail, subject: `No. ${n}` }).id)
  await pass(aMoment)
  t.equal((await news()).length, 430, 'in two rounds')
  t.same(
    await news(),
    ids.map(id => `received ${id}`)
  )
  t.equal((await stored()).cursor, String(mailbox.history.current()))
})

t.test('[G28] a mailbox › its historyId is above 2^53 › every digit is kept', async t => {
  const { follow, mailbox, pass, told, stored } = await openNewsroom(t)
  mailbox.history.jumpTo('9007199254740993')
  await follow()
  t.equal((await stored()).cursor, '9007199254740993')
  mailbox.receive(mail)
  await pass(aMoment)
  const [event] = await told()
  const here = String(mailbox.history.current())
  t.match(event?.data, { historyId: here })
  t.equal((await stored()).cursor, here)
})

t.test('[G26] history › a record without labels › an event without labels', async t => {
  const { follow, mailbox, pass, told } = await openNewsroom(t)
  await follow({ labelIds: ['INBOX'] })
  mailbox.forgetsLabelIds = true
  const { id } = mailbox.receive(mail)
  await pass(aMoment)
  const [event] = await told()
  t.match(event?.data, { messageId: id })
  t.notMatch(event?.data, { labelIds: Array })
})

t.test('events › of a mailbox › only for keys that may use Gmail', async t => {
  const { follow, mailbox, pass, app } = await openNewsroom(t)
  await follow()
  const { id } = mailbox.receive(mail)
  await pass(aMoment)
  const heard = async (services: string[] | null) => {
    const { events } = (await (await createBackend(app, { services })).fetch('/v1/events')).json()
    return events.some(({ data }: { data: { messageId?: string } }) => data.messageId === id)
  }
  t.ok(await heard(null))
  t.ok(await heard(['gmail']))
  t.notOk(await heard(['calendar']))
})

t.test('[G26] a watch › is deleted or changed › takes effect at once', async t => {
  const { follow, watch, mailbox, pass, news, ada, connection, calls } = await openNewsroom(t)
  t.equal((await watch('GET')).json().status, 'off')
  await follow()
  const again = await follow({ events: ['deleted'] })
  t.same(again.events, ['deleted'])
  const [stayed] = mailbox.list()
  mailbox.receive(mail)
  mailbox.deleteForever(stayed?.id ?? '')
  await pass(aMoment)
  t.same(await news(), [`deleted ${stayed?.id}`])
  t.match((await ada.fetch(`/connections/${connection.id}`)).json(), { connection: { watch: { status: 'polling' } } })

  t.equal((await watch('DELETE')).statusCode, 204)
  t.equal((await watch('DELETE')).statusCode, 204, 'twice is as good')
  t.equal((await watch('GET')).json().status, 'off')
  const before = calls('history.list')
  mailbox.deleteForever(mailbox.list()[0]?.id ?? '')
  await pass(3_600_000)
  t.equal(calls('history.list'), before)
  t.equal((await news()).length, 1)
})

t.test('[G26] a connection ends › its watch ends too, and no more events follow', async t => {
  const { follow, mailbox, pass, news, ada, connection, app, google } = await openNewsroom(t)
  await follow()
  const held = google.fault(
    'gmail',
    { hang: true, when: 'after' },
    { only: ({ gmailMethod }) => gmailMethod === 'history.list' }
  )
  mailbox.receive(mail)
  const arrived = google.arrival('gmail')
  const passing = pass(aMoment)
  await arrived
  t.equal((await ada.fetch(`/connections/${connection.id}`, 'DELETE')).statusCode, 200)
  held.release()
  await passing
  t.same(await news(), [])
  t.equal(await collectionsOf(app).connections.countDocuments({ watch: { $exists: true } }), 0)
})
