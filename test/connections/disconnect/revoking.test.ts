import { MongoNetworkError, ObjectId } from 'mongodb'
import t, { type Test } from 'tap'
import { type Browser, collectionsOf, enter, isProblem, type World } from '../../helper.ts'

const hourMs = 3_600_000
const ada = '100000000000000000001'
const bob = '100000000000000000002'

async function connected(t: Test, environment = {}) {
  const world = await enter(t, { environment })
  const user = await world.signedIn()
  const { id } = await user.connected()
  return { ...world, user, id, url: `/connections/${id}` }
}

/** What guichet still holds of a connection; undefined once nothing is left. */
const stored = ({ app }: World, id: string) => collectionsOf(app).connections.findOne({ _id: new ObjectId(id) })

const livingGrants = ({ google }: World) => google.ledger.of('refresh_token', { sub: ada, alive: true }).length

/** The connection is gone for its user, revoked at Google or not. */
async function isGone(t: Test, user: Browser, url: string): Promise<void> {
  t.same((await user.fetch('/connections')).json(), { connections: [] })
  for (const method of ['GET', 'DELETE'] as const) isProblem(t, await user.fetch(url, method), 404, 'not_found')
  isProblem(t, await user.fetch(`${url}/gmail/profile`), 404, 'not_found')
}

t.test('[R30] disconnect › without a session, and another’s › refused, and nothing happens', async t => {
  const world = await connected(t)
  const other = await world.signedIn('bob@example.com')
  isProblem(t, await world.browser().fetch(world.url, 'DELETE'), 401, 'unauthenticated')
  isProblem(t, await other.fetch(world.url, 'DELETE'), 404, 'not_found')
  t.equal(world.google.calls('revoke'), 0)
  t.equal((await world.user.fetch(`${world.url}/gmail/profile`)).statusCode, 200)
})

t.test('[R30] disconnect › Google revokes › confirmed, and nothing is left', async t => {
  const world = await connected(t)
  t.same((await world.user.fetch(world.url, 'DELETE')).json(), { id: world.id, revoked: 'confirmed' })
  await isGone(t, world.user, world.url)
  t.equal(world.google.calls('revoke'), 1)
  t.equal(livingGrants(world), 0)
  await world.app.background.run()
  t.equal(await stored(world, world.id), null)
  world.clock.advance(24 * hourMs)
  await world.app.background.run()
  t.equal(world.google.calls('revoke'), 1, 'a revocation that was done is not repeated')
  t.same(world.google.violations, [])
})

t.test('[R30] disconnect › the user had already revoked at Google › confirmed', async t => {
  const world = await connected(t)
  world.google.revokeGrant(ada)
  t.match((await world.user.fetch(world.url, 'DELETE')).json(), { revoked: 'confirmed' })
  await world.app.background.run()
  t.equal(await stored(world, world.id), null)
})

t.test('[R30] disconnect › of a connection known to be dead › confirmed', async t => {
  const world = await connected(t)
  world.google.revokeGrant(ada)
  world.clock.advance(hourMs)
  isProblem(t, await world.user.fetch(`${world.url}/gmail/profile`), 409, 'needs_reconnect')
  t.match((await world.user.fetch(world.url, 'DELETE')).json(), { revoked: 'confirmed' })
  await isGone(t, world.user, world.url)
})

const outages = {
  '500 three times': { fault: { status: 500 }, times: 3 },
  '429 three times': { fault: { status: 429, headers: { 'retry-after': '1' } }, times: 3 },
  'no answer three times': { fault: { hang: true as const }, times: 3 },
  'a reset connection three times': { fault: { reset: true as const }, times: 3 },
  'the operator’s client refused': { fault: { status: 401, body: { error: 'invalid_client' } }, times: 3 },
  'nonsense three times': { fault: { status: 400, body: '<html>' }, times: 3 }
}
for (const [name, { fault, times }] of Object.entries(outages)) {
  t.test(`[R30] disconnect › ${name} › pending, deleted here at once, and retried until revoked`, async t => {
    const world = await connected(t, { GOOGLE_TIMEOUT_MS: '150' })
    const { google, app, clock } = world
    google.fault('revoke', fault, times)
    t.same((await world.user.fetch(world.url, 'DELETE')).json(), { id: world.id, revoked: 'pending' })
    await isGone(t, world.user, world.url)
    t.equal((await stored(world, world.id))?.accessToken, null, 'no access token is kept for it')

    for (const [pauseMs, calls] of [
      [4_900, 1],
      [200, 2],
      [9_700, 2],
      [400, 3]
    ] as const) {
      clock.advance(pauseMs)
      await app.background.run()
      t.equal(google.calls('revoke'), calls, 'the pauses grow')
    }
    clock.advance(20_000)
    await app.background.run()
    t.equal(google.calls('revoke'), 4)
    t.equal(livingGrants(world), 0)
    await app.background.run()
    t.equal(await stored(world, world.id), null)
  })
}

t.test(
  '[R30] disconnect › several pending for one account › one call while Google fails, all revoked in the end',
  async t => {
    const world = await enter(t)
    const { google, app, clock } = world
    const user = await world.signedIn()
    // Partial, so that its repair asks for a consent, and each brings a refresh token.
    const { id } = await user.connected({ grant: ['gmail.readonly'] })
    const outage = google.fault('revoke', { status: 503 }, Number.POSITIVE_INFINITY)
    for (let attempt = 1; attempt <= 3; attempt++) {
      // Each leaves a grant that is for nobody here.
      const other = await user.connect({ as: 'bob@example.com' }, `/connect/gmail?connectionId=${id}`)
      isProblem(t, other, 409, 'account_mismatch')
      t.equal(google.calls('revoke'), attempt, 'nobody waits for those of before')
    }
    const pending = { live: false, pendingRevocation: { $ne: null } } as const
    t.equal(await collectionsOf(app).connections.countDocuments(pending), 3)
    // Records that do not open do not stop the others, even if they come first.
    const { connections } = collectionsOf(app)
    const queued = await connections.find(pending).toArray()
    for (const [index, { _id }] of queued.entries())
      await connections.updateOne(
        { _id },
        index < 2 ? { $set: { refreshToken: 'k1.spoilt' } } : { $inc: { version: 1 } }
      )
    outage.remove()
    clock.advance(hourMs)
    await app.background.run()
    t.equal(google.ledger.of('refresh_token', { sub: bob, alive: true }).length, 0)
    t.equal(await connections.countDocuments(pending), 2)
  }
)

t.test('[R30] disconnect › pending when the process ends › another replica revokes it', async t => {
  const world = await connected(t)
  world.google.fault('revoke', { status: 503 })
  t.match((await world.user.fetch(world.url, 'DELETE')).json(), { revoked: 'pending' })
  await world.app.close()
  const next = await world.replica()
  world.clock.advance(10_000)
  await next.background.run()
  t.equal(livingGrants(world), 0)
  t.equal(world.google.calls('revoke'), 2)
  await next.background.run()
  t.equal(await collectionsOf(next).connections.countDocuments(), 0)
})

t.test('[R30] disconnect › Google is down for a day › at most one call an hour, revoked the next day', async t => {
  const world = await connected(t)
  const outage = world.google.fault('revoke', { status: 503 }, Number.POSITIVE_INFINITY)
  await world.user.fetch(world.url, 'DELETE')
  for (let minute = 0; minute < 24 * 60; minute += 10) {
    world.clock.advance(600_000)
    await world.app.background.run()
  }
  t.ok(outage.hits >= 24 && outage.hits <= 36, `${outage.hits} calls`)
  outage.remove()
  world.clock.advance(hourMs)
  await world.app.background.run()
  t.equal(livingGrants(world), 0)
})

t.test('[R30] disconnect › the write fails › 503, nothing changes, Google is not asked', async t => {
  const world = await connected(t)
  const { connections } = collectionsOf(world.app)
  await world.app.background.run()
  const before = await stored(world, world.id)
  const { restore } = t.intercept(connections, 'findOneAndUpdate', {
    value: () => Promise.reject(new MongoNetworkError('the connection was reset'))
  })
  const failed = await world.user.fetch(world.url, 'DELETE')
  restore()
  isProblem(t, failed, 503, 'database_unavailable')
  t.ok(Number(failed.headers['retry-after']) > 0)
  t.same(await stored(world, world.id), before)
  t.equal(world.google.calls('revoke'), 0)
  t.equal((await world.user.fetch(`${world.url}/gmail/profile`)).statusCode, 200)
})

t.test('[R30] disconnect › the database fails after the erasure › pending, and revoked later', async t => {
  const world = await connected(t)
  const { revocations } = collectionsOf(world.app)
  const { restore } = t.intercept(revocations, 'updateOne', {
    value: () => Promise.reject(new MongoNetworkError('the connection was reset'))
  })
  t.match((await world.user.fetch(world.url, 'DELETE')).json(), { revoked: 'pending' })
  restore()
  await isGone(t, world.user, world.url)
  t.equal(world.google.calls('revoke'), 0)
  world.clock.advance(10_000)
  await world.app.background.run()
  t.equal(livingGrants(world), 0)
})

t.test('[R30] disconnect › 20 at once of one connection › one call to Google, and all succeed', async t => {
  const world = await connected(t)
  const answers = await Promise.all(Array.from({ length: 20 }, () => world.user.clone().fetch(world.url, 'DELETE')))
  for (const { statusCode } of answers) t.ok(statusCode === 200 || statusCode === 404, String(statusCode))
  t.equal(answers.filter(answer => answer.json().revoked === 'confirmed').length >= 1, true)
  t.equal(world.google.calls('revoke'), 1)
})

t.test('[R29] reconnect › the old refresh token is never revoked, and the new one works', async t => {
  const world = await connected(t)
  const { google, clock, user, app } = world
  for (const start of ['/connect/gmail', `/connect/gmail?connectionId=${world.id}`]) {
    google.revokeGrant(ada)
    clock.advance(hourMs)
    isProblem(t, await user.fetch(`${world.url}/gmail/profile`), 409, 'needs_reconnect')
    t.match((await user.connect({}, start)).json(), { connection: { id: world.id, status: 'active' } })
    t.match((await user.connect({}, '/connect/gmail')).json(), { connection: { id: world.id, status: 'active' } })
    await app.background.run()
    clock.advance(hourMs)
    t.equal((await user.fetch(`${world.url}/gmail/profile`)).statusCode, 200)
  }
  t.equal(google.calls('revoke'), 0)
  t.same(google.violations, [])
})

t.test(
  '[F35] revoking › the process dies between revocation, event and deletion › nothing of the connection stays',
  async t => {
    const world = await connected(t)
    const { connections } = collectionsOf(world.app)
    await world.app.background.run()
    const record = await stored(world, world.id)
    if (!record) throw new Error('not connected')
    await connections.replaceOne({ _id: record._id }, { ...record, live: false, refreshToken: '', outbox: [] })
    await world.app.background.run()
    t.equal(await connections.countDocuments(), 0)
  }
)
