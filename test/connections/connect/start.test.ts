import t from 'tap'
import { createEndpoints } from '../../../src/google/endpoints.ts'
import { enter, isProblem } from '../../helper.ts'

const scope = 'https://www.googleapis.com/auth/'

t.test('[R21] start › fetched without a session › 401 and no redirect', async t => {
  const { app, google } = await enter(t)
  for (const headers of [
    {},
    { accept: '*/*' },
    { accept: 'application/json' },
    { accept: 'application/json, text/html;q=0.9' },
    { accept: 'text/html;q=0.1, */*' },
    { accept: '*/*', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }
  ]) {
    for (const url of ['/connect/gmail', '/connect/gmail?returnTo=/done', '/connect/no-such-service']) {
      const response = await app.inject({ url, headers })
      isProblem(t, response, 401, 'unauthenticated')
      t.equal(response.headers.location, undefined)
      t.equal(response.headers['set-cookie'], undefined)
    }
  }
  t.same(google.violations, [])
})

t.test('[R21] start › fetched with a session › 200 with the URL and until when, and no-store', async t => {
  const { signedIn, clock } = await enter(t)
  const ada = await signedIn()
  for (const service of ['gmail', 'calendar', 'drive']) {
    const response = await ada.fetch(`/connect/${service}`)
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    const { url, expiresAt, ...more } = response.json()
    t.match(url, /^http/)
    t.ok(Math.abs(Date.parse(expiresAt) - clock.nowMs() - 600_000) < 2_000, 'ten minutes')
    t.same(more, {})
  }
})

t.test('[R21] start › navigated › to Google with a session, to sign-in without', async t => {
  const { signedIn, browser, google } = await enter(t)
  const toGoogle = await (await signedIn()).navigate('/connect/gmail')
  t.equal(toGoogle.statusCode, 303)
  t.ok(toGoogle.headers.location?.startsWith(`${google.issuer}/o/oauth2/v2/auth?`))
  t.equal(toGoogle.headers['cache-control'], 'no-store')
  t.equal(toGoogle.body, '')

  const toSignIn = await browser().navigate('/connect/gmail?returnTo=/done')
  t.equal(toSignIn.statusCode, 303)
  const location = new URL(toSignIn.headers.location ?? '', 'http://localhost:3000')
  t.equal(location.pathname, '/auth/google')
  t.same([...location.searchParams], [['returnTo', '/connect/gmail?returnTo=/done']])
  t.equal(toSignIn.headers['set-cookie'], undefined, 'nothing is begun yet')
})

t.test('[R21] start › an unknown service, or parameters in a wrong form › refused', async t => {
  const { signedIn, google } = await enter(t)
  const ada = await signedIn()
  for (const service of ['contacts', 'Gmail', 'gmail%20', '__proto__', 'constructor', 'gmail.readonly'])
    isProblem(t, await ada.fetch(`/connect/${service}`), 404, 'not_found')
  t.equal((await ada.navigate('/connect/contacts')).headers.location, '/?status=not_found')
  for (const query of ['loginHint=', 'connectionId=', 'returnTo='])
    isProblem(t, await ada.fetch(`/connect/gmail?${query}`), 400, 'invalid_request')
  t.same(google.violations, [])
})

t.test('[R22] start › the URL › exactly these parameters, once each, at Google’s endpoint', async t => {
  const { signedIn, google } = await enter(t)
  const ada = await signedIn()
  const catalogue: [string, string[]][] = [
    ['gmail', [`${scope}gmail.readonly`, `${scope}gmail.modify`]],
    ['calendar', [`${scope}calendar.readonly`]],
    ['drive', [`${scope}drive.readonly`]]
  ]
  for (const [service, scopes] of catalogue) {
    const url = new URL((await ada.fetch(`/connect/${service}`)).json().url)
    t.equal(url.origin + url.pathname, `${google.issuer}/o/oauth2/v2/auth`)
    t.equal(url.hash + url.username + url.password, '')
    const { state, nonce, code_challenge: challenge, ...fixed } = Object.fromEntries(url.searchParams)
    t.same(fixed, {
      client_id: google.clientId,
      redirect_uri: `http://localhost:3000/connect/${service}/callback`,
      response_type: 'code',
      scope: ['openid', 'email', ...scopes].join(' '),
      code_challenge_method: 'S256',
      access_type: 'offline',
      prompt: 'consent'
    })
    t.equal([...url.searchParams].length, 10, 'none twice')
    for (const value of [state, nonce, challenge]) t.match(value, /^[A-Za-z0-9_-]{43}$/)
    t.same(google.ledger.find(url.href, ['client_secret', 'code_verifier', 'access_token', 'refresh_token']), [])
  }
})

t.test('[R22] start › the PKCE verifier › never reaches the browser', async t => {
  const { signedIn, google } = await enter(t)
  const ada = await signedIn()
  const started = await ada.fetch('/connect/gmail')
  const callback = google.consent(started.json().url)
  const finished = await ada.fetch(callback.slice('http://localhost:3000'.length))
  t.equal(finished.statusCode, 200)
  t.equal(google.ledger.of('code_verifier').length, 2, 'the sign-in’s and this one’s')
  const seen = [started, finished].map(({ headers, body }) => JSON.stringify(headers) + body).join() + callback
  t.same(google.ledger.find(seen, ['code_verifier', 'client_secret']), [])
  t.same(google.violations, [])
})

t.test('[R22][R78] start › Google’s own issuer › fixed endpoints, without discovery', async t => {
  const endpoints = await createEndpoints('https://accounts.google.com', () => {
    throw new Error('nothing is fetched')
  })()
  t.same(endpoints, {
    issuer: 'https://accounts.google.com',
    authorizationEndpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
    tokenEndpoint: 'https://oauth2.googleapis.com/token',
    revocationEndpoint: 'https://oauth2.googleapis.com/revoke',
    jwksUri: 'https://www.googleapis.com/oauth2/v3/certs',
    issParameterSupported: false
  })
})

t.test('[R22] start › unknown parameters added to its link › ignored, and returnTo is kept', async t => {
  const { signedIn, browser, google } = await enter(t)
  const added = 'utm_source=mail&fbclid=a&fbclid=b&gclid=%00&scope=https://mail.google.com/&prompt=none&state=x&_=1'
  const ada = await signedIn()
  for (const [who, start] of [
    [ada, '/connect/gmail'],
    [browser(), '/auth/google']
  ] as const) {
    const plain = new URL((await who.fetch(start)).json().url).searchParams
    const decorated = await who.fetch(`${start}?${added}&returnTo=/inbox&${added}`)
    t.equal(decorated.statusCode, 200, start)
    const { searchParams } = new URL(decorated.json().url)
    for (const name of ['scope', 'prompt', 'redirect_uri']) t.equal(searchParams.get(name), plain.get(name), name)
    t.same([...searchParams.keys()], [...plain.keys()])
    const callback = google.consent(decorated.json().url, { deny: 'access_denied' })
    const back = await who.navigate(callback.slice('http://localhost:3000'.length))
    t.equal(back.headers.location, '/inbox?status=access_denied')
  }
  const long = `fbclid=${'a'.repeat(9_000)}`
  const stranger = await browser().navigate(`/connect/gmail?${long}&returnTo=/inbox`)
  t.equal(
    stranger.headers.location,
    `/auth/google?${new URLSearchParams({ returnTo: '/connect/gmail?returnTo=/inbox' })}`
  )
})
