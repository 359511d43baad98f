import t from 'tap'
import { collectionsOf, enter, isProblem, type World } from '../../helper.ts'

const hourMs = 3_600_000
const ada = '100000000000000000001'

/** A user whose disconnect waits for Google until it is released. */
async function disconnecting(t: Parameters<typeof enter>[0], environment = {}) {
  const world = await enter(t, { environment })
  const user = await world.signedIn()
  const old = await user.connected()
  const fault = world.google.fault('revoke', { hang: true })
  const arrived = world.google.arrival('revoke')
  const answer = user.clone().fetch(`/connections/${old.id}`, 'DELETE')
  await arrived
  return { ...world, user, old, fault, answer }
}

/** A callback's answer once the database was asked this many times for a running revocation. */
async function whileWaiting({ app }: World, t: Parameters<typeof enter>[0], polls: number): Promise<void> {
  const { revocations } = collectionsOf(app)
  const { promise, resolve } = Promise.withResolvers<void>()
  let seen = 0
  const findOne = revocations.findOne.bind(revocations)
  const { restore } = t.intercept(revocations, 'findOne', {
    value: (...args: Parameters<typeof findOne>) => {
      if (++seen === polls) resolve()
      return findOne(...args)
    }
  })
  await promise
  restore()
}

t.test('[R30] reconnecting › during a revocation that succeeds › waits, and the status is right', async t => {
  const world = await disconnecting(t)
  const { user, google, app } = world
  const callback = await user.authorize('/connect/gmail')
  const reconnecting = user.fetch(callback)
  await whileWaiting(world, t, 3)
  world.fault.release()
  t.match((await world.answer).json(), { revoked: 'confirmed' })
  // The revocation killed the new tokens too: "connected" would be wrong.
  isProblem(t, await reconnecting, 409, 'needs_reconnect')
  const { connections } = (await user.fetch('/connections')).json()
  t.match(connections, [{ status: 'needs_reconnect', reason: 'revoked', connectUrl: String }])
  t.match((await user.connect()).json(), { connection: { id: connections[0].id, status: 'active' } })
  await app.background.run()
  t.equal(google.calls('revoke'), 1)
})

t.test(
  '[R30] reconnecting › during a revocation that fails › connected, and the pending revocation is dropped',
  async t => {
    const world = await disconnecting(t, { GOOGLE_TIMEOUT_MS: '400' })
    const { user, google, app, clock } = world
    const { id } = await user.connected()
    t.match((await world.answer).json(), { revoked: 'pending' })
    clock.advance(12 * hourMs)
    await app.background.run()
    t.equal((await user.fetch(`/connections/${id}/gmail/profile`)).statusCode, 200)
    t.equal(google.calls('revoke'), 1)
    t.equal(await collectionsOf(app).connections.countDocuments(), 1)
  }
)

t.test('[R30] reconnecting › while a revocation is pending › the new grant is never revoked', async t => {
  const world = await enter(t)
  const { google, app, clock } = world
  const user = await world.signedIn()
  const old = await user.connected()
  const outage = google.fault('revoke', { status: 503 }, Number.POSITIVE_INFINITY)
  t.match((await user.fetch(`/connections/${old.id}`, 'DELETE')).json(), { revoked: 'pending' })
  const { id } = await user.connected()
  t.not(id, old.id)
  outage.remove()
  for (let halfDay = 0; halfDay < 6; halfDay++) {
    clock.advance(12 * hourMs)
    await app.background.run()
    t.equal((await user.fetch(`/connections/${id}/gmail/profile`)).statusCode, 200)
  }
  t.equal(google.calls('revoke'), 1, 'the one that failed')
  t.match((await user.fetch(`/connections/${id}`, 'DELETE')).json(), { revoked: 'confirmed' })
  t.same(google.ledger.of('refresh_token', { sub: ada, alive: true }), [])
})

t.test('[R30] reconnecting › by another user of the account, while a revocation is pending › grant kept', async t => {
  const world = await enter(t)
  const { google, app, clock } = world
  const [first, second] = [await world.signedIn('ada@example.com'), await world.signedIn('bob@example.com')]
  const old = await first.connected({ as: 'ada@example.com' })
  google.fault('revoke', { status: 503 })
  await first.fetch(`/connections/${old.id}`, 'DELETE')
  const { id } = await second.connected({ as: 'ada@example.com' })
  clock.advance(12 * hourMs)
  await app.background.run()
  t.equal((await second.fetch(`/connections/${id}/gmail/profile`)).statusCode, 200)
  t.equal(google.calls('revoke'), 1)
})

t.test(
  '[R30] disconnect › just after a reconnect that still has to drop a pending revocation › its grant is revoked',
  async t => {
    const world = await enter(t)
    const { google, app, clock } = world
    const user = await world.signedIn()
    const repository = app.connections
    const look = repository.hasLivingAccount
    google.fault('revoke', { status: 503 })
    await user.fetch(`/connections/${(await user.connected()).id}`, 'DELETE')
    // The new connection is stored, looked at, and ended before what was read is dropped.
    const { restore } = t.intercept(repository, 'hasLivingAccount', {
      value: async (sub: string) => {
        const lives = await look(sub)
        restore()
        const { connections } = (await user.clone().fetch('/connections')).json()
        google.fault('revoke', { status: 503 })
        t.match((await user.clone().fetch(`/connections/${connections[0].id}`, 'DELETE')).json(), {
          revoked: 'pending'
        })
        return lives
      }
    })
    await user.connect()
    clock.advance(12 * hourMs)
    await app.background.run()
    t.same(google.ledger.of('refresh_token', { sub: ada, alive: true }), [])
    t.same((await user.fetch('/connections')).json(), { connections: [] })
  }
)
