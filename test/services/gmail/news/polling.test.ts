import t from 'tap'
import { aMoment, openNewsroom } from './newsroom.ts'

const mail = { subject: 'News', from: 'Charles <charles@example.org>', body: 'The mill turns.' }
const tenMinutes = 600_000
const mailboxes = 20

t.test('[G31] many mailboxes › ten minutes, two replicas › each read by one at a time, within the budget', async t => {
  const { app, google, browser, follow, replica, clock } = await openNewsroom(t)
  const other = await replica()
  await follow()
  for (let n = 1; n < mailboxes; n++) {
    const email = `user${n}@example.com`
    google.addUser({ sub: `sub-${n}`, email, name: `User ${n}` })
    const one = browser()
    await one.signIn(email)
    const { id } = await one.connected({ as: email })
    await one.request({ method: 'PUT', url: `/connections/${id}/gmail/watch`, payload: {} })
  }
  const seen = google.requests.length
  // Time goes on while they work: a worker that finds the project's units taken asks again a moment later.
  const time = setInterval(() => clock.advance(10), 10)
  t.teardown(() => clearInterval(time))
  for (let seconds = 0; seconds < 600; seconds += 15) {
    clock.advance(15_000)
    await Promise.all([app.background.run(), other.background.run()])
  }
  const looks = google.requests.slice(seen).filter(({ gmailMethod }) => gmailMethod === 'history.list')
  const rounds = new Set(looks.map(({ headers, atMs }) => `${headers.authorization} ${Math.floor(atMs / 7_000)}`))
  t.equal(rounds.size, looks.length, 'no mailbox twice in one round')
  const perMailbox = looks.length / mailboxes
  t.ok(perMailbox >= 5 && perMailbox <= 12, `${perMailbox} looks at each, of two units`)
})

t.test('[G31] a worker dies while it reads a mailbox › another takes over when the lease expires', async t => {
  const { follow, mailbox, pass, news, google, app, replica, clock } = await openNewsroom(t)
  const other = await replica()
  await follow()
  const { id } = mailbox.receive(mail)
  const hung = google.fault('gmail', { hang: true }, { only: ({ gmailMethod }) => gmailMethod === 'history.list' })
  clock.advance(aMoment)
  const arrived = google.arrival('gmail')
  const dying = app.background.run()
  await arrived
  await pass(0, other)
  t.same(await news(), [], 'not while the lease runs')
  await pass(31_000, other)
  t.same(await news(), [`received ${id}`])
  hung.release()
  await dying
  await pass(tenMinutes)
  t.same(await news(), [`received ${id}`], 'what the first one found is told already')
})

t.test('[G26] a mailbox › its connection is dead › it waits, and continues once that is repaired', async t => {
  const { follow, mailbox, pass, news, google, ada, app, connection, calls } = await openNewsroom(t)
  await follow()
  google.revokeGrant('ada@example.com')
  await pass(3_600_000)
  const { id } = mailbox.receive(mail)
  const looks = calls('history.list')
  await pass(3_600_000)
  t.equal(calls('history.list'), looks, 'Google is not asked')
  await ada.signIn()
  await ada.connected()
  t.equal((await ada.fetch(`/connections/${connection.id}`)).json().connection.status, 'active')
  await app.background.run()
  await pass(aMoment)
  t.same(await news(), [`received ${id}`])
})

t.test('[G29] a mailbox › Google cannot show it › the state says why, and the polling interval grows', async t => {
  const { follow, mailbox, pass, news, google, watch, stored } = await openNewsroom(t)
  await follow()
  const { id } = mailbox.receive(mail)
  google.fault('gmail', { status: 500 }, { times: Infinity, only: ({ gmailMethod }) => gmailMethod === 'history.list' })
  await pass(aMoment)
  t.match((await watch('GET')).json(), { status: 'polling', error: { code: 'google_unavailable' } })
  const { intervalMs } = await stored()
  await pass(aMoment)
  t.ok((await stored()).intervalMs > intervalMs)
  google.clearFaults('gmail')
  await pass(tenMinutes)
  t.same(await news(), [`received ${id}`])
  t.match((await watch('GET')).json(), { error: null })
})
