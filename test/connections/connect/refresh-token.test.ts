import t from 'tap'
import { type Browser, collectionsOf, enter, isProblem, localPath, type World } from '../../helper.ts'

const lifetime = 3_600_000
const without = { withoutRefreshToken: true }
const freshConnect = 'http://localhost:3000/connect/gmail'
const modify = 'https://www.googleapis.com/auth/gmail.modify'

/** The refresh token that guichet uses next, once the access token has run out. */
async function refreshedWith({ google, clock }: World, ada: Browser, id: string): Promise<string | null> {
  clock.advance(lifetime)
  const before = google.calls('token')
  const read = await ada.fetch(`/connections/${id}/gmail/profile`)
  if (read.statusCode !== 200) throw new Error(`reading answered ${read.statusCode} ${read.body}`)
  if (google.calls('token') !== before + 1) throw new Error('there was no refresh, or more than one')
  return new URLSearchParams(google.requestsTo('token').at(-1)?.body).get('refresh_token')
}

const stored = ({ google }: World) => google.ledger.of('refresh_token').at(-1)?.value ?? 'none'

t.test('[R26] refresh token › none at the first connect › 409 with a connectUrl, and nothing is connected', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  const response = await ada.connect(without)
  isProblem(t, response, 409, 'refresh_token_missing')
  t.equal(response.json().connectUrl, freshConnect)
  t.same((await ada.fetch('/connections')).json(), { connections: [] })
  t.equal(await collectionsOf(world.app).connections.countDocuments(), 0)

  const again = (await ada.fetch(localPath(response.json().connectUrl))).json().url
  t.equal(new URL(again).searchParams.get('prompt'), 'consent')
  t.match((await ada.fetch(localPath(world.google.consent(again)))).json(), { connection: { status: 'active' } })
  t.same(world.google.violations, [])
})

t.test('[R26] refresh token › none, navigated › ?status=refresh_token_missing and nothing more', async t => {
  const { signedIn } = await enter(t)
  const ada = await signedIn()
  const callback = await ada.authorize('/connect/gmail?returnTo=/done', without)
  t.equal((await ada.navigate(callback)).headers.location, '/done?status=refresh_token_missing')
  t.same((await ada.fetch('/connections')).json(), { connections: [] })
})

t.test('[R26] refresh token › empty or null › counts as missing', async t => {
  const { signedIn, google } = await enter(t)
  const ada = await signedIn()
  for (const refresh_token of ['', null]) {
    google.fault('token', { mutate: answer => ({ ...answer, refresh_token }) })
    isProblem(t, await ada.connect(), 409, 'refresh_token_missing')
  }
  t.same((await ada.fetch('/connections')).json(), { connections: [] })
})

t.test('[R26] refresh token › none when reconnecting › the stored one is kept', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  const { id } = await ada.connected()
  const kept = stored(world)
  for (const startUrl of ['/connect/gmail', `/connect/gmail?connectionId=${id}`]) {
    const again = await ada.connect(without, startUrl)
    t.match(again.json(), { connection: { id, status: 'active' } })
    t.equal(await refreshedWith(world, ada, id), kept)
  }
  world.google.fault('token', { mutate: answer => ({ ...answer, refresh_token: '' }) })
  t.equal((await ada.connect()).statusCode, 200)
  t.equal(await refreshedWith(world, ada, id), kept, 'an empty one overwrites nothing either')
  t.same(world.google.violations, [])
})

t.test('[R26] refresh token › reconnecting brings a new one › it is used from then on', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  const { id } = await ada.connected()
  const first = stored(world)
  await ada.connected()
  t.not(stored(world), first)
  t.equal(await refreshedWith(world, ada, id), stored(world))
})

t.test('[R26] refresh token › none, with wider scopes than the stored one’s › 409, nothing is widened', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  const partial = await ada.connected({ grant: ['gmail.readonly'] })
  const kept = stored(world)
  const response = await ada.connect(without, `/connect/gmail?connectionId=${partial.id}`)
  isProblem(t, response, 409, 'refresh_token_missing')
  t.equal(response.json().connectUrl, freshConnect, 'which asks for consent')
  t.same((await ada.fetch(`/connections/${partial.id}`)).json(), { connection: partial }, 'untouched')
  t.equal(await refreshedWith(world, ada, partial.id), kept)
  t.match((await ada.fetch(`/connections/${partial.id}`)).json(), { connection: { missingScopes: [modify] } })
})

t.test('[R26] refresh token › none, with fewer scopes › partial, and the stored one is kept', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  const { id } = await ada.connected()
  const kept = stored(world)
  const response = await ada.connect({ ...without, grant: ['gmail.readonly'] })
  t.match(response.json(), { connection: { id, status: 'partial', missingScopes: [modify] } })
  t.equal(await refreshedWith(world, ada, id), kept)
})

t.test('[R26] refresh token › none, and the stored one is dead › 409, and the connection stays dead', async t => {
  const { signedIn, google, clock } = await enter(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  google.revokeGrant('ada@example.com')
  clock.advance(lifetime)
  isProblem(t, await ada.fetch(`/connections/${id}/gmail/profile`), 409, 'needs_reconnect')
  isProblem(t, await ada.connect(without, `/connect/gmail?connectionId=${id}`), 409, 'refresh_token_missing')
  t.match((await ada.fetch(`/connections/${id}`)).json(), { connection: { status: 'needs_reconnect' } })
  t.match((await ada.connect({}, `/connect/gmail?connectionId=${id}`)).json(), { connection: { id, status: 'active' } })
})

t.test('[R26] refresh token › none, and the stored one is past its announced expiry › 409', async t => {
  const { signedIn, google, clock } = await enter(t)
  google.refreshTokenLifetimeSeconds = 7_200
  const ada = await signedIn()
  const { id } = await ada.connected()
  clock.advance(7_200_000)
  isProblem(t, await ada.connect(without), 409, 'refresh_token_missing')
  isProblem(t, await ada.connect(without, `/connect/gmail?connectionId=${id}`), 409, 'refresh_token_missing')
})

t.test('[R26] refresh token › none for another service of the same account › 409, not connected', async t => {
  const { signedIn } = await enter(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const response = await ada.connect(without, '/connect/calendar')
  isProblem(t, response, 409, 'refresh_token_missing')
  t.equal(response.json().connectUrl, 'http://localhost:3000/connect/calendar')
  t.same(
    (await ada.fetch('/connections')).json().connections.map((one: { id: string }) => one.id),
    [id]
  )
})
