import t from 'tap'
import { createBackend } from '../../backend/backend.ts'
import { collectionsOf, enter, isProblem, type World } from '../../helper.ts'

const hourMs = 3_600_000
const ada = '100000000000000000001'
const asAda = { as: 'ada@example.com' }

const livingGrants = ({ google }: World) => google.ledger.of('refresh_token', { sub: ada, alive: true }).length
const revoked = (answer: { json(): { revoked?: string } }) => answer.json().revoked

/** Two users of guichet whose connections use one Google account. */
async function withTwoUsers(t: Parameters<typeof enter>[0]) {
  const world = await enter(t)
  const [first, second] = [await world.signedIn('ada@example.com'), await world.signedIn('bob@example.com')]
  const [one, two] = [await first.connected(asAda), await second.connected(asAda)]
  const backend = await createBackend(world.app)
  return { ...world, first, second, one, two, backend }
}

t.test('[R31] siblings › two users, one Google account › kept while one lives, the last one revokes', async t => {
  const world = await withTwoUsers(t)
  const { first, second, one, two, backend, google, clock, app } = world
  t.not(one.userId, two.userId)
  t.equal(revoked(await first.fetch(`/connections/${one.id}`, 'DELETE')), 'kept')
  t.equal(google.calls('revoke'), 0)
  isProblem(t, await backend.vend(one.id), 404, 'not_found')
  t.equal((await backend.vend(two.id)).statusCode, 200)
  clock.advance(hourMs)
  await app.background.run()
  const vended = await backend.vend(two.id)
  t.equal(google.ledger.canOpen(vended.json().access_token), ada, 'it refreshes too')
  t.equal(google.calls('revoke'), 0, 'the worker lets it be')

  t.equal(revoked(await second.fetch(`/connections/${two.id}`, 'DELETE')), 'confirmed')
  t.equal(google.calls('revoke'), 1)
  t.equal(livingGrants(world), 0)
  await app.background.run()
  t.equal(await collectionsOf(app).connections.countDocuments(), 0)
  t.same(google.violations, [])
})

t.test('[R31] siblings › two services of one user, disconnected in either order › the last one revokes', async t => {
  const world = await enter(t)
  const user = await world.signedIn()
  const backend = await createBackend(world.app)
  const gmail = (await user.connect()).json().connection
  const calendar = (await user.connect({}, '/connect/calendar')).json().connection
  t.equal(revoked(await backend.fetch(`/v1/connections/${gmail.id}`, 'DELETE')), 'kept')
  t.equal((await backend.vend(calendar.id)).statusCode, 200)
  t.equal(revoked(await backend.fetch(`/v1/connections/${calendar.id}`, 'DELETE')), 'confirmed')
  t.equal(world.google.calls('revoke'), 1)
  t.equal(livingGrants(world), 0)
})

t.test('[R31] siblings › one of two users is erased › the grant is kept for the other', async t => {
  const { first, two, backend, google } = await withTwoUsers(t)
  t.equal((await first.fetch('/auth/user', 'DELETE')).statusCode, 204)
  t.equal(google.calls('revoke'), 0)
  t.equal((await backend.vend(two.id)).statusCode, 200)
})

t.test('[R31] siblings › a dead sibling › the other’s grant is revoked', async t => {
  const world = await withTwoUsers(t)
  const { first, second, one, two, google, clock, app } = world
  google.revokeGrant(ada)
  clock.advance(hourMs)
  isProblem(t, await first.fetch(`/connections/${one.id}/gmail/profile`), 409, 'needs_reconnect')
  t.match((await second.connect(asAda)).json(), { connection: { id: two.id, status: 'active' } })
  t.equal(livingGrants(world), 1)

  // The dead one's token is useless: if the grant were kept for it, nobody could revoke it any more.
  t.equal(revoked(await second.fetch(`/connections/${two.id}`, 'DELETE')), 'confirmed')
  t.equal(livingGrants(world), 0)
  t.equal(revoked(await first.fetch(`/connections/${one.id}`, 'DELETE')), 'confirmed')
  await app.background.run()
  t.equal(await collectionsOf(app).connections.countDocuments(), 0)
})

t.test('[R31] siblings › a connection of another account › is not a sibling', async t => {
  const world = await enter(t)
  const user = await world.signedIn()
  const one = await user.connected(asAda)
  await user.connected({ as: 'bob@example.com' })
  t.equal(revoked(await user.fetch(`/connections/${one.id}`, 'DELETE')), 'confirmed')
  t.equal(livingGrants(world), 0)
})

t.test('[R31] siblings › the other disconnects right after the check › the grant is still revoked', async t => {
  const world = await withTwoUsers(t)
  const { first, second, one, two, app, clock } = world
  const repository = app.connections
  const look = repository.hasLivingAccount
  let other: string | undefined
  const { restore } = t.intercept(repository, 'hasLivingAccount', {
    value: async (sub: string) => {
      const lives = await look(sub)
      restore()
      other = revoked(await second.clone().fetch(`/connections/${two.id}`, 'DELETE'))
      return lives
    }
  })
  t.equal(revoked(await first.fetch(`/connections/${one.id}`, 'DELETE')), 'kept', 'as it was when it was looked at')
  t.equal(other, 'pending', 'the account is being settled by the first')
  clock.advance(10_000)
  await app.background.run()
  t.equal(livingGrants(world), 0)
})

t.test('[R31] siblings › all disconnect at once, 5 times › the grant is revoked each time', async t => {
  const world = await enter(t)
  const { app, clock, google } = world
  const replica = await world.replica()
  const users = [await world.signedIn('ada@example.com'), await world.signedIn('bob@example.com')]
  for (let round = 0; round < 5; round++) {
    const urls: [number, string][] = []
    for (const [index, user] of users.entries()) {
      for (const service of ['gmail', 'calendar']) {
        const { connection } = (await user.connect(asAda, `/connect/${service}`)).json()
        urls.push([index, `/connections/${connection.id}`])
      }
    }
    const answers = await Promise.all(
      urls.map(([index, url], n) => users[index]?.clone(n % 2 ? app : replica).fetch(url, 'DELETE'))
    )
    t.same(
      answers.map(answer => answer?.statusCode),
      [200, 200, 200, 200]
    )
    clock.advance(10_000)
    await app.background.run()
    t.equal(livingGrants(world), 0)
  }
  await app.background.run()
  t.equal(await collectionsOf(app).connections.countDocuments(), 0)
  t.same(google.violations, [])
})

t.test('[R31] revoking › paused between check and call, and a reconnect meanwhile › no call', async t => {
  const world = await enter(t)
  const { app, google, clock } = world
  const other = await world.replica()
  await Promise.all([app.background.stop(), other.background.stop()])
  const user = await world.signedIn()
  const old = await user.connected()
  const repository = app.connections
  const look = repository.hasLivingAccount
  let id = ''
  const { restore } = t.intercept(repository, 'hasLivingAccount', {
    value: async (sub: string) => {
      const lives = await look(sub)
      restore()
      clock.advance(21_000)
      id = (await user.clone(other).connected()).id
      return lives
    }
  })
  t.equal((await user.clone().fetch(`/connections/${old.id}`, 'DELETE')).statusCode, 200)
  t.equal(google.calls('revoke'), 0)
  t.equal((await user.fetch(`/connections/${id}/gmail/profile`)).statusCode, 200)
})
