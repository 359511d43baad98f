import t from 'tap'
import { type Browser, collectionsOf, enter, isProblem } from '../../helper.ts'

const hour = 3_600_000
const unknownId = '0123456789abcdef01234567'

/** The account and the prompt in the URL for Google. */
async function askedOf(browser: Browser, query = '', service = 'gmail') {
  const started = await browser.fetch(`/connect/${service}${query && `?${new URLSearchParams(query)}`}`)
  if (started.statusCode !== 200) throw new Error(`${started.statusCode} ${started.body}`)
  const parameters = new URL(started.json().url).searchParams
  return { prompt: parameters.get('prompt'), hint: parameters.get('login_hint') }
}

t.test('[R22] prompt › nothing is named › consent, whatever is connected', async t => {
  const { signedIn } = await enter(t)
  const ada = await signedIn()
  t.same(await askedOf(ada), { prompt: 'consent', hint: null })
  await ada.connected()
  t.same(await askedOf(ada), { prompt: 'consent', hint: null })
})

t.test('[R22] prompt › an active connection is named, by id, address or sub › select_account', async t => {
  const { signedIn } = await enter(t)
  const ada = await signedIn()
  const { id, account } = await ada.connected()
  t.same(await askedOf(ada, `connectionId=${id}`), { prompt: 'select_account', hint: 'ada@example.com' })
  t.same(await askedOf(ada, 'loginHint=ada@example.com'), { prompt: 'select_account', hint: 'ada@example.com' })
  t.match(await askedOf(ada, 'loginHint=ADA@Example.com'), { prompt: 'select_account' })
  t.same(await askedOf(ada, `loginHint=${account.sub}`), { prompt: 'select_account', hint: account.sub })
  const both = await askedOf(ada, `connectionId=${id}&loginHint=bob@example.com`)
  t.same(both, { prompt: 'select_account', hint: 'ada@example.com' }, 'the id goes before the hint')
})

t.test('[R22] prompt › the named connection is partial › consent', async t => {
  const { signedIn } = await enter(t)
  const ada = await signedIn()
  const { id, status } = await ada.connected({ grant: ['gmail.readonly'] })
  t.equal(status, 'partial')
  t.same(await askedOf(ada, `connectionId=${id}`), { prompt: 'consent', hint: 'ada@example.com' })
  t.same(await askedOf(ada, 'loginHint=ada@example.com'), { prompt: 'consent', hint: 'ada@example.com' })
})

t.test('[R22] prompt › the named connection is dead › consent', async t => {
  const { signedIn, google, clock } = await enter(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  google.revokeGrant('ada@example.com')
  clock.advance(hour)
  isProblem(t, await ada.fetch(`/connections/${id}/gmail/profile`), 409, 'needs_reconnect')
  t.same(await askedOf(ada, `connectionId=${id}`), { prompt: 'consent', hint: 'ada@example.com' })
  t.same(await askedOf(ada, 'loginHint=ada@example.com'), { prompt: 'consent', hint: 'ada@example.com' })
})

t.test('[R22] prompt › the stored refresh token does not decrypt › consent, and a new one is required', async t => {
  const { app, signedIn, clock } = await enter(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const spoilt = { $set: { refreshToken: 'k1.spoilt' } }
  await collectionsOf(app).connections.updateOne({}, spoilt)
  t.same(await askedOf(ada, `connectionId=${id}`), { prompt: 'consent', hint: 'ada@example.com' })
  const repair = `/connect/gmail?connectionId=${id}`
  isProblem(t, await ada.connect({ withoutRefreshToken: true }, repair), 409, 'refresh_token_missing')
  clock.advance(hour)
  isProblem(t, await ada.fetch(`/connections/${id}/gmail/profile`), 503, 'unsealable')
  t.equal((await ada.connect({}, repair)).json().connection?.id, id)
  clock.advance(hour)
  t.equal((await ada.fetch(`/connections/${id}/gmail/profile`)).statusCode, 200)
})

t.test('[R22] prompt › the refresh token nears its announced expiry › consent', async t => {
  const { browser, google, clock } = await enter(t)
  google.refreshTokenLifetimeSeconds = 7 * 86_400
  const ada = browser()
  await ada.signIn()
  const { id } = await ada.connected()
  t.match(await askedOf(ada, `connectionId=${id}`), { prompt: 'select_account' }, 'a week before')
  for (const days of [6.5, 0.6]) {
    clock.advance(days * 24 * hour)
    await ada.signIn()
    t.match(await askedOf(ada, `connectionId=${id}`), { prompt: 'consent' })
    t.match(await askedOf(ada, 'loginHint=ada@example.com'), { prompt: 'consent' })
  }
})

t.test('[R22] prompt › a hint that names none of the user’s connections of that service › consent', async t => {
  const { signedIn } = await enter(t)
  const ada = await signedIn()
  await ada.connected()
  const bob = await signedIn('bob@example.com')
  t.same(await askedOf(bob, 'loginHint=ada@example.com'), { prompt: 'consent', hint: 'ada@example.com' })
  t.same(await askedOf(ada, 'loginHint=bob@example.com'), { prompt: 'consent', hint: 'bob@example.com' })
  const calendar = await askedOf(ada, 'loginHint=ada@example.com', 'calendar')
  t.same(calendar, { prompt: 'consent', hint: 'ada@example.com' }, 'another service is another connection')
})

t.test('[R22] prompt › a connectionId that is not the user’s, or of another service › the same 404', async t => {
  const { signedIn } = await enter(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const bob = await signedIn('bob@example.com')
  const bodies = new Set<string>()
  for (const [browser, service, connectionId] of [
    [bob, 'gmail', id],
    [bob, 'gmail', unknownId],
    [bob, 'gmail', 'no-id-at-all'],
    [bob, 'gmail', id.toUpperCase()],
    [ada, 'calendar', id]
  ] as const) {
    const response = await browser.fetch(`/connect/${service}?connectionId=${connectionId}`)
    isProblem(t, response, 404, 'not_found')
    const { requestId: _, instance: __, ...rest } = response.json()
    bodies.add(JSON.stringify(rest))
  }
  t.equal(bodies.size, 1)
})
