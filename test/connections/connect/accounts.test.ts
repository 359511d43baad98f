import t from 'tap'
import type { ConnectionView } from '../../../src/http/views/connection.ts'
import { type Browser, collectionsOf, enter, isProblem, localPath, type World } from '../../helper.ts'

const lifetime = 3_600_000
const asBob = { as: 'bob@example.com' }

const ownOf = async (browser: Browser): Promise<ConnectionView[]> =>
  (await browser.fetch('/connections')).json().connections
const mailboxOf = async (browser: Browser, id: string) =>
  (await browser.fetch(`/connections/${id}/gmail/profile`)).json().emailAddress
const livingOf = ({ google }: World, email: string) =>
  google.ledger.of('refresh_token', { sub: google.user(email).sub, alive: true }).length

t.test('[R27] accounts › 50 callbacks at once for one account › one connection with a working token', async t => {
  const world = await enter(t)
  const { google, clock, app } = world
  const replicas = [app, await world.replica()]
  const callbacks: [Browser, string][] = []
  for (let session = 0; session < 5; session++) {
    const ada = await world.signedIn()
    for (let flow = 0; flow < 10; flow++) callbacks.push([ada, await ada.authorize('/connect/gmail')])
  }
  const answers = await Promise.all(callbacks.map(([ada, url], i) => ada.clone(replicas[i % 2]).fetch(url)))
  t.same(
    answers.map(({ statusCode }) => statusCode),
    Array.from({ length: 50 }, () => 200)
  )
  t.equal(new Set(answers.map(answer => answer.json().connection.id)).size, 1)
  t.equal(await collectionsOf(app).connections.countDocuments(), 1)

  const ada = await world.signedIn()
  const [{ id = '' } = {}] = await ownOf(ada)
  t.equal(await mailboxOf(ada, id), 'ada@example.com')
  clock.advance(lifetime)
  t.equal(await mailboxOf(ada, id), 'ada@example.com', 'and it refreshes')
  t.equal(google.calls('revoke'), 0)
  t.same(google.violations, [])
})

t.test('[R27] accounts › the same account again › the same connection, updated', async t => {
  const { signedIn, clock, google } = await enter(t)
  const ada = await signedIn()
  const first = await ada.connected()
  clock.advance(5_000)
  const second = await ada.connected()
  t.equal(second.id, first.id)
  t.equal(second.createdAt, first.createdAt)
  t.not(second.updatedAt, first.updatedAt)
  t.equal((await ownOf(ada)).length, 1)
  t.equal(google.calls('revoke'), 0, 'reconnecting never revokes')
})

t.test('[R28] accounts › another account, no connectionId › a second connection, the first unchanged', async t => {
  const { signedIn, google } = await enter(t)
  const ada = await signedIn()
  const first = await ada.connected()
  const second = await ada.connected(asBob)
  t.not(second.id, first.id)
  t.same(await ownOf(ada), [first, second])
  t.equal(await mailboxOf(ada, first.id), 'ada@example.com')
  t.equal(await mailboxOf(ada, second.id), 'bob@example.com')
  t.equal(google.calls('revoke'), 0)
  t.same(google.violations, [])
})

t.test('[R28] accounts › another account, only a loginHint › a second connection', async t => {
  const { signedIn } = await enter(t)
  const ada = await signedIn()
  const first = await ada.connected()
  const second = await ada.connect(asBob, '/connect/gmail?loginHint=ada@example.com')
  t.equal(second.statusCode, 200)
  t.same(await ownOf(ada), [first, second.json().connection])
})

t.test('[R28] accounts › one account for two users, or two services › a connection each', async t => {
  const world = await enter(t)
  const [ada, bob] = [await world.signedIn(), await world.signedIn('bob@example.com')]
  const ids = [
    (await ada.connected()).id,
    (await ada.connect({}, '/connect/calendar')).json().connection.id,
    (await bob.connected({ as: 'ada@example.com' })).id
  ]
  t.equal(new Set(ids).size, 3)
  t.equal((await ownOf(ada)).length, 2)
  t.equal((await ownOf(bob)).length, 1)
})

t.test('[R28] accounts › an address now belongs to another account › another connection', async t => {
  const { signedIn, google } = await enter(t)
  const ada = await signedIn()
  const first = await ada.connected()
  google.addUser({ sub: '100000000000000000001', email: 'ada.new@example.com', name: 'Ada' })
  google.addUser({ sub: '300000000000000000003', email: 'ada@example.com', name: 'Someone else' })
  const second = await ada.connected({ as: '300000000000000000003' })
  t.not(second.id, first.id)
  const renamed = await ada.connected({ as: '100000000000000000001' })
  t.match(renamed, { id: first.id, account: { email: 'ada.new@example.com' } }, 'and the same sub is the same one')
})

t.test('[R28] repair › the same account › the same record, updated', async t => {
  const { signedIn, google, clock } = await enter(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  google.revokeGrant('ada@example.com')
  clock.advance(lifetime)
  const dead = await ada.fetch(`/connections/${id}/gmail/profile`)
  isProblem(t, dead, 409, 'needs_reconnect')
  const repaired = await ada.connect({}, localPath(dead.json().connectUrl))
  t.match(repaired.json(), { connection: { id, status: 'active' } })
  t.equal(repaired.json().connection.reason, undefined)
  t.equal(await mailboxOf(ada, id), 'ada@example.com')
  t.same(google.violations, [])
})

t.test('[R28] repair › another account › account_mismatch, its grant revoked, the first unchanged', async t => {
  for (const withRefreshToken of [true, false]) {
    const world = await enter(t)
    const ada = await world.signedIn()
    const connection = await ada.connected()
    const choices = { ...asBob, withoutRefreshToken: !withRefreshToken }
    const response = await ada.connect(choices, `/connect/gmail?connectionId=${connection.id}`)
    isProblem(t, response, 409, 'account_mismatch')
    t.equal(response.json().connectUrl, `http://localhost:3000/connect/gmail?connectionId=${connection.id}`)
    t.same(await ownOf(ada), [connection])
    t.equal(await mailboxOf(ada, connection.id), 'ada@example.com')
    t.equal(world.google.calls('revoke'), 1)
    t.equal(livingOf(world, 'bob@example.com'), 0)
    t.equal(livingOf(world, 'ada@example.com'), 1)
    t.same(world.google.violations, [])
  }
})

t.test('[R28] repair › another account, navigated › ?status=account_mismatch and nothing more', async t => {
  const { signedIn } = await enter(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const callback = await ada.authorize(`/connect/gmail?connectionId=${id}&returnTo=/done`, asBob)
  t.equal((await ada.navigate(callback)).headers.location, '/done?status=account_mismatch')
})

t.test('[R28] repair › another account with a live connection of any user › its grant is kept', async t => {
  for (const whose of ['own', 'another service', 'another user'] as const) {
    const world = await enter(t)
    const ada = await world.signedIn()
    const { id } = await ada.connected()
    const owner = whose === 'another user' ? await world.signedIn('bob@example.com') : ada
    const sibling = await owner.connect(asBob, whose === 'another service' ? '/connect/calendar' : '/connect/gmail')
    const response = await ada.connect(asBob, `/connect/gmail?connectionId=${id}`)
    isProblem(t, response, 409, 'account_mismatch')
    t.equal(world.google.calls('revoke'), 0, whose)
    t.ok(livingOf(world, 'bob@example.com') > 0)
    const { connection } = sibling.json()
    t.same((await owner.fetch(`/connections/${connection.id}`)).json(), { connection }, 'the sibling is untouched')
    if (whose !== 'another service') t.equal(await mailboxOf(owner, connection.id), 'bob@example.com')
  }
})

t.test('[R28] repair › another account whose only connection is dead › its grant is revoked', async t => {
  const world = await enter(t)
  const [ada, bob] = [await world.signedIn(), await world.signedIn('bob@example.com')]
  const { id } = await ada.connected()
  const { id: dead } = await bob.connected(asBob)
  world.google.revokeGrant('bob@example.com')
  world.clock.advance(lifetime)
  isProblem(t, await bob.fetch(`/connections/${dead}/gmail/profile`), 409, 'needs_reconnect')
  isProblem(t, await ada.connect(asBob, `/connect/gmail?connectionId=${id}`), 409, 'account_mismatch')
  t.equal(world.google.calls('revoke'), 1, 'a connection that needs to be made again stands on no grant')
  t.equal(livingOf(world, 'bob@example.com'), 0)
})

t.test('[R28] repair › the connection is deleted meanwhile › not_found, and nothing is connected', async t => {
  const { google, signedIn } = await enter(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  // A sibling keeps the grant, and with it the code.
  const sibling = (await ada.connect({}, '/connect/calendar')).json().connection.id
  const callback = await ada.authorize(`/connect/gmail?connectionId=${id}`)
  await ada.fetch(`/connections/${id}`, 'DELETE')
  isProblem(t, await ada.fetch(callback), 404, 'not_found')
  t.match(await ownOf(ada), [{ id: sibling }])
  t.equal(google.calls('revoke'), 0)
})
