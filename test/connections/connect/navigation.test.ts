import t from 'tap'
import { type Browser, enter, isProblem, localPath, type World } from '../../helper.ts'

const origin = 'http://localhost:3000'
const frontend = 'https://app.example.com'

/** Follows a navigation to where it leaves guichet: to Google, or to a page that is no redirect. */
async function follow(browser: Browser, from: string): Promise<{ trail: string[]; end: string }> {
  const trail: string[] = []
  let at = from
  while (at.startsWith('/')) {
    const response = await browser.navigate(at)
    if (response.statusCode !== 303) return { trail, end: at }
    at = String(response.headers.location)
    trail.push(at)
  }
  return { trail, end: at }
}

/** What no URL may hold that a browser is sent to after Google. */
function leaksOf({ google }: World, trail: string[]) {
  return trail.filter(url => !url.startsWith(google.issuer)).flatMap(url => google.ledger.find(url))
}

t.test('[R52] navigation › connect, from the link to the end › only status and connection in the URL', async t => {
  for (const returnTo of [undefined, '/', '/done', '/done?tab=2#top', `${frontend}/settings`, frontend]) {
    const world = await enter(t, { environment: { ALLOWED_ORIGINS: frontend } })
    const ada = await world.signedIn()
    const query = returnTo === undefined ? '' : `?${new URLSearchParams({ returnTo })}`
    const toGoogle = await follow(ada, `/connect/gmail${query}`)
    const callback = await ada.navigate(localPath(world.google.consent(toGoogle.end)))
    t.equal(callback.statusCode, 303)
    const [{ id }] = (await ada.fetch('/connections')).json().connections
    const url = new URL(String(callback.headers.location), origin)
    const expected = new URL(returnTo ?? '/', origin)
    t.equal(url.origin + url.pathname + url.hash, expected.origin + expected.pathname + expected.hash)
    t.same([...url.searchParams], [...expected.searchParams, ['status', 'connected'], ['connection', id]])
    t.same(leaksOf(world, [String(callback.headers.location)]), [])
    t.equal(callback.body, '')
    t.same(world.google.violations, [])
  }
})

t.test('[R52] navigation › every failure › only ?status=CODE, at the flow’s returnTo', async t => {
  const world = await enter(t)
  const { google } = world
  const ada = await world.signedIn()
  const startUrl = '/connect/gmail?returnTo=/done'
  const failures: [string, () => Promise<string>][] = [
    ['access_denied', () => ada.authorize(startUrl, { deny: 'access_denied', errorDescription: google.canary })],
    ['admin_policy_enforced', () => ada.authorize(startUrl, { deny: 'admin_policy_enforced' })],
    ['invalid_request', () => ada.authorize(startUrl, { deny: `made_up_${google.canary}` })],
    ['iss_mismatch', () => ada.authorize(startUrl, { iss: 'https://evil.example' })],
    ['refresh_token_missing', () => ada.authorize(startUrl, { withoutRefreshToken: true })],
    [
      'google_unavailable',
      () => {
        google.fault('token', { status: 503 })
        return ada.authorize(startUrl)
      }
    ],
    [
      'code_invalid',
      () => {
        google.fault('token', { status: 400, body: { error: 'invalid_grant' } })
        return ada.authorize(startUrl)
      }
    ],
    [
      'google_invalid_response',
      () => {
        google.nextIdToken({ alg: 'none' })
        return ada.authorize(startUrl)
      }
    ],
    ['flow_used', async () => `${await used(ada)}`]
  ]
  async function used(browser: Browser): Promise<string> {
    const callback = await browser.authorize(startUrl)
    await browser.fetch(callback)
    // With the same code it would get the first answer.
    return callback.replace(/code=[^&]*/, 'code=another')
  }
  for (const [code, prepare] of failures) {
    const response = await ada.navigate(await prepare())
    t.equal(response.statusCode, 303, code)
    t.equal(response.headers.location, `/done?status=${code}`)
    t.equal(response.body, '')
  }
  const strangers = await world.browser().navigate(await ada.authorize(startUrl))
  t.equal(strangers.headers.location, '/?status=flow_wrong_session', 'a flow of someone else tells nothing of its own')
  t.equal((await ada.navigate('/connect/gmail/callback?code=x')).headers.location, '/?status=invalid_request')
})

t.test('[R52] navigation › an earlier outcome in returnTo › is not mixed with this one', async t => {
  const { signedIn } = await enter(t)
  const ada = await signedIn()
  const returnTo = encodeURIComponent('/done?status=connected&connection=0123456789abcdef01234567&tab=2')
  const callback = await ada.authorize(`/connect/gmail?returnTo=${returnTo}`, { deny: 'access_denied' })
  const url = new URL(String((await ada.navigate(callback)).headers.location), origin)
  t.same(Object.fromEntries(url.searchParams), { status: 'access_denied', tab: '2' })
})

t.test('[R52] navigation › connecting without a session › through sign-in, and back to connecting', async t => {
  const world = await enter(t)
  const { google } = world
  const ada = world.browser()
  const toSignIn = await follow(ada, '/connect/gmail?returnTo=%2Fdone%3Ftab%3D2')
  t.equal(toSignIn.trail.length, 2)
  t.ok(toSignIn.trail[0]?.startsWith('/auth/google?returnTo='))
  t.equal(new URL(toSignIn.end).searchParams.get('redirect_uri'), `${origin}/auth/google/callback`)

  const toConnect = await follow(ada, localPath(google.consent(toSignIn.end)))
  t.equal(toConnect.trail[0], '/connect/gmail?returnTo=%2Fdone%3Ftab%3D2', 'nothing of the sign-in in the URL')
  t.equal(new URL(toConnect.end).searchParams.get('redirect_uri'), `${origin}/connect/gmail/callback`)

  const { trail } = await follow(ada, localPath(google.consent(toConnect.end)))
  const [{ id }] = (await ada.fetch('/connections')).json().connections
  t.same(trail, [`/done?tab=2&status=connected&connection=${id}`])
  t.same(leaksOf(world, [...toSignIn.trail, ...toConnect.trail, ...trail]), [])
  t.same(google.violations, [])
})

t.test('[R52] navigation › a connectUrl without a session › through sign-in to the repair; fetched, 401', async t => {
  const world = await enter(t)
  const { connectUrl = '', id } = await (await world.signedIn()).connected({ grant: ['gmail.readonly'] })
  t.equal(connectUrl, `${origin}/connect/gmail?connectionId=${id}`)
  t.same(world.google.ledger.find(connectUrl), [])
  const later = world.browser()
  isProblem(t, await later.fetch(localPath(connectUrl)), 401, 'unauthenticated')
  const toSignIn = await follow(later, localPath(connectUrl))
  const toConnect = await follow(later, localPath(world.google.consent(toSignIn.end)))
  const { trail } = await follow(later, localPath(world.google.consent(toConnect.end)))
  t.same(trail, [`/?status=connected&connection=${id}`])
  t.match((await later.fetch(`/connections/${id}`)).json(), { connection: { status: 'active' } })

  const anothers = world.browser()
  const signIn = await follow(anothers, localPath(connectUrl))
  const { end } = await follow(anothers, localPath(world.google.consent(signIn.end, { as: 'bob@example.com' })))
  t.equal(end, '/?status=not_found', 'someone else’s link repairs nothing')
})

t.test('[R52] navigation › sign-in fails on the way to connecting › ends at the connect’s returnTo', async t => {
  const world = await enter(t)
  const { browser, google } = world
  const ada = browser()
  const { end } = await follow(ada, '/connect/gmail')
  const denied = await ada.navigate(localPath(google.consent(end, { deny: 'access_denied' })))
  t.equal(denied.statusCode, 303)
  t.match(denied.headers.location, /[?&]status=access_denied$/)
  t.notMatch(denied.headers.location, /code=|state=/)

  // However long the way back is: it is wrapped once more.
  for (const returnTo of ['/docs?x=1', `/docs?x=${'ü'.repeat(100)}${'x'.repeat(1000)}`]) {
    const other = browser()
    const { end: consent } = await follow(other, `/connect/gmail?${new URLSearchParams({ returnTo })}`)
    const { end } = await follow(other, localPath(google.consent(consent, { deny: 'access_denied' })))
    const url = new URL(end, origin)
    t.equal(url.pathname, '/docs')
    t.equal(url.searchParams.get('status'), 'access_denied')
    t.equal(url.searchParams.get('x'), new URL(returnTo, origin).searchParams.get('x'))
  }
  const spoofed = await ada.navigate('/connect/gmail?status=<script>&returnTo=/docs')
  t.equal(spoofed.headers.location, '/?status=invalid_request', 'no words but our codes')
  const idle = await (await world.signedIn()).fetch('/connect/gmail?status=access_denied')
  t.ok(idle.json().url, 'fetched, it starts all the same')
})

t.test('[R52] navigation › a start fails › ends at its returnTo', async t => {
  const { signedIn, google } = await enter(t)
  const ada = await signedIn()
  for (const [start, code] of [
    [`/connect/gmail?connectionId=${'0'.repeat(24)}&returnTo=/docs`, 'not_found'],
    ['/connect/nothing?returnTo=/docs', 'not_found']
  ])
    t.equal((await ada.navigate(start ?? '')).headers.location, `/docs?status=${code}`)
  t.same(google.violations, [])
})

t.test('[R52] navigation › sign-in › to returnTo with nothing added', async t => {
  const world = await enter(t, { environment: { ALLOWED_ORIGINS: frontend } })
  for (const returnTo of ['/', '/done?tab=2', `${frontend}/welcome`]) {
    const ada = world.browser()
    const { end } = await follow(ada, `/auth/google?${new URLSearchParams({ returnTo })}`)
    const finished = await ada.navigate(localPath(world.google.consent(end)))
    t.equal(finished.statusCode, 303)
    t.equal(finished.headers.location, returnTo)
    t.same(leaksOf(world, [String(finished.headers.location)]), [])
  }
  const stale = encodeURIComponent('/done?status=access_denied&connection=1&tab=2')
  const own = encodeURIComponent('/orders?status=open&q=a%20b')
  for (const [returnTo, location] of [
    [stale, '/done?tab=2'],
    [own, '/orders?status=open&q=a%20b']
  ]) {
    const ada = world.browser()
    const callback = await ada.authorize(`/auth/google?returnTo=${returnTo}`)
    t.equal((await ada.navigate(callback)).headers.location, location, 'an outcome of before is gone, nothing else')
  }
  const ada = world.browser()
  const fetched = await ada.fetch(await ada.authorize('/auth/google?returnTo=/done'))
  t.equal(fetched.statusCode, 200, 'fetched, there is no redirect')
  t.equal(fetched.headers.location, undefined)
})

t.test('[R52] navigation › a request that prefers HTML › counts as a navigation', async t => {
  const { signedIn } = await enter(t)
  const ada = await signedIn()
  for (const [accept, status] of [
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 303],
    ['text/html', 303],
    ['application/json;q=0.5, text/html', 303],
    ['*/*', 200],
    ['application/json', 200],
    ['application/json, text/plain, */*', 200],
    ['application/json, text/html;q=0.9', 200],
    ['', 200],
    ['image/png', 200]
  ] as const) {
    const started = await ada.request({ url: '/connect/gmail', headers: { accept } })
    t.equal(started.statusCode, status, `start for ${accept}`)
    const callback = await ada.authorize('/connect/gmail')
    const finished = await ada.request({ url: callback, headers: { accept } })
    t.equal(finished.statusCode, status, `callback for ${accept}`)
  }
})
