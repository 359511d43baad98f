import t from 'tap'
import {
  connect,
  createClock,
  exchangeForm,
  type Flow,
  GMAIL_SCOPES,
  postToken,
  REDIRECT_URI,
  refresh,
  start,
  startFlow
} from './story.ts'

const READONLY = 'https://www.googleapis.com/auth/gmail.readonly'
const MODIFY = 'https://www.googleapis.com/auth/gmail.modify'
const SIGN_IN = { scope: 'openid email profile', access_type: undefined, prompt: undefined }

t.test('authorization request › each wrong parameter is refused by name', async t => {
  const google = await start(t)
  const wrong: Array<[string, string | undefined, RegExp]> = [
    ['client_id', undefined, /missing parameter: client_id/],
    ['client_id', 'another', /bad parameter: client_id/],
    ['redirect_uri', undefined, /missing parameter: redirect_uri/],
    ['redirect_uri', `${REDIRECT_URI}/`, /bad parameter: redirect_uri/],
    ['redirect_uri', `${REDIRECT_URI}?x=1`, /bad parameter: redirect_uri/],
    ['redirect_uri', REDIRECT_URI.replace('localhost', 'LOCALHOST'), /bad parameter: redirect_uri/],
    ['response_type', 'token', /bad parameter: response_type/],
    ['response_type', 'code id_token', /bad parameter: response_type/],
    ['scope', undefined, /missing parameter: scope/],
    ['scope', 'openid gmail', /bad parameter: scope/],
    ['scope', 'openid openid', /bad parameter: scope/],
    ['scope', 'openid  email', /bad parameter: scope/],
    ['state', undefined, /missing parameter: state/],
    ['state', '', /empty parameter: state/],
    ['state', 'a'.repeat(21), /bad parameter: state/],
    ['nonce', undefined, /missing parameter: nonce/],
    ['code_challenge', undefined, /missing parameter: code_challenge/],
    ['code_challenge', 'a'.repeat(42), /bad parameter: code_challenge/],
    ['code_challenge', `${'a'.repeat(42)}=`, /bad parameter: code_challenge/],
    ['code_challenge_method', undefined, /missing parameter: code_challenge_method/],
    ['code_challenge_method', 'plain', /bad parameter: code_challenge_method/],
    ['access_type', 'Offline', /bad parameter: access_type/],
    ['prompt', 'login', /bad parameter: prompt/],
    ['prompt', 'none consent', /bad parameter: prompt/],
    ['include_granted_scopes', '1', /bad parameter: include_granted_scopes/],
    ['client_secret', google.clientSecret, /unknown parameter: client_secret/],
    ['code_verifier', 'x', /unknown parameter: code_verifier/],
    ['approval_prompt', 'force', /unknown parameter: approval_prompt/]
  ]
  for (const [name, value, message] of wrong) {
    t.throws(() => google.consent(startFlow(google, { [name]: value }).url), message, `${name}=${value}`)
  }
  t.doesNotThrow(() => google.consent(startFlow(google).url))
})

t.test('authorization request › a repeated parameter is refused', async t => {
  const google = await start(t)
  for (const name of startFlow(google).url.searchParams.keys()) {
    const { url } = startFlow(google)
    url.searchParams.append(name, url.searchParams.get(name) ?? '')
    t.throws(() => google.consent(url), new RegExp(`repeated parameter: ${name}`))
  }
})

t.test('authorization request › state, nonce and challenge can be used once', async t => {
  const google = await start(t)
  const first = startFlow(google)
  google.consent(first.url)
  t.doesNotThrow(() => google.consent(first.url), 'the same URL may be opened again')
  for (const name of ['state', 'nonce', 'code_challenge']) {
    const value = first.url.searchParams.get(name) ?? ''
    t.throws(() => google.consent(startFlow(google, { [name]: value }).url), new RegExp(`${name} was used`))
  }
})

t.test('callback › state, iss, code and scope come back; iss can be changed, left out or repeated', async t => {
  const google = await start(t)
  const issOf = (iss?: string | null | string[]) => {
    const url = google.consent(startFlow(google).url, iss === undefined ? {} : { iss })
    return new URL(url).searchParams.getAll('iss')
  }
  t.same(issOf(), [google.issuer])
  t.same(issOf('accounts.google.com'), ['accounts.google.com'])
  t.same(issOf(null), [])
  t.same(issOf(['a', 'b']), ['a', 'b'])

  const flow = startFlow(google)
  const callback = new URL(google.consent(flow.url))
  t.equal(callback.origin + callback.pathname, REDIRECT_URI)
  t.match(Object.fromEntries(callback.searchParams), {
    state: flow.state,
    code: /^4\/0A\S{30}/,
    scope: `openid https://www.googleapis.com/auth/userinfo.email ${READONLY} ${MODIFY}`,
    authuser: '0',
    prompt: 'consent'
  })
})

t.test('callback › a refusal brings the error and no code', async t => {
  const google = await start(t)
  const flow = startFlow(google)
  const callback = new URL(google.consent(flow.url, { deny: 'access_denied', errorDescription: 'no <way>' }))
  t.same(Object.fromEntries(callback.searchParams), {
    state: flow.state,
    iss: google.issuer,
    error: 'access_denied',
    error_description: 'no <way>'
  })
  t.same(google.ledger.of('code'), [])
})

t.test('consent › the account is the first, the hinted or the chosen one', async t => {
  const google = await start(t)
  google.addUser({ sub: 'eve', email: 'eve@example.com', name: 'Eve' })
  const subOf = async (as?: string, login_hint?: string) => {
    const { access_token } = await connect(google, as === undefined ? {} : { as }, { login_hint })
    return google.ledger.canOpen(access_token)
  }
  t.equal(await subOf(), google.user('ada@example.com').sub)
  t.equal(await subOf(undefined, 'bob@example.com'), google.user('bob@example.com').sub)
  t.equal(await subOf('eve', 'bob@example.com'), 'eve')
  t.equal(await subOf('eve@example.com'), 'eve')
  t.throws(() => google.consent(startFlow(google).url, { as: 'nobody' }), /no user nobody/)
})

t.test('consent › the ticked scopes are those granted, fewer or more', async t => {
  const google = await start(t)
  const granted = async (grant: string[]) => (await connect(google, { grant })).scope
  const identity = 'openid https://www.googleapis.com/auth/userinfo.email'
  t.equal(await granted([]), identity, 'sign-in scopes cannot be unticked')
  t.equal(await granted(['gmail.readonly']), `${identity} ${READONLY}`)
  t.equal(
    await granted([MODIFY, READONLY, 'drive', 'openid', 'email']),
    `${MODIFY} ${READONLY} ${MODIFY.replace('gmail.modify', 'drive')} ${identity}`
  )
})

t.test('consent › earlier scopes are added only with include_granted_scopes', async t => {
  const google = await start(t)
  await connect(google)
  t.notMatch((await connect(google, {}, SIGN_IN)).scope, /gmail/)
  t.match((await connect(google, {}, { ...SIGN_IN, include_granted_scopes: 'true' })).scope, /gmail\.modify/)
})

t.test('consent › a refresh token › only offline, at the first consent or with prompt=consent', async t => {
  const google = await start(t)
  const gets = async (changes: Record<string, string | undefined>, choices = {}) => {
    return 'refresh_token' in (await connect(google, choices, changes))
  }
  const quiet = { prompt: undefined }
  t.equal(await gets({ access_type: undefined }), false, 'online')
  t.equal(await gets(quiet), false, 'offline, but the consent is no longer the first')
  t.equal(await gets({ prompt: 'select_account' }), false)
  t.equal(await gets({ prompt: 'select_account consent' }), true)
  t.equal(await gets(quiet, { as: 'bob@example.com' }), true, "another account's first")
  google.revokeGrant('ada@example.com')
  t.equal(await gets(quiet), true, 'first again after the grant was revoked')
  t.equal(await gets({}, { withoutRefreshToken: true }), false)
})

t.test('consent › prompt=none where consent is needed › an error', async t => {
  const google = await start(t)
  const silent = () => new URL(google.consent(startFlow(google, { prompt: 'none' }).url)).searchParams
  t.equal(silent().get('error'), 'interaction_required')
  await connect(google)
  t.ok(silent().get('code'))
})

t.test('code › expired, or its grant revoked › refused', async t => {
  const clock = createClock()
  const google = await start(t, { nowMs: clock.nowMs })
  const toCode = (): [Flow, string] => {
    const flow = startFlow(google)
    return [flow, google.consent(flow.url)]
  }
  const late = toCode()
  clock.advanceSeconds(600)
  t.match((await postToken(google, exchangeForm(...late))).body, { error: 'invalid_grant' })

  const orphan = toCode()
  google.revokeGrant('ada@example.com')
  await connect(google)
  t.match((await postToken(google, exchangeForm(...orphan))).body, { error: 'invalid_grant' })
})

t.test('consent page › a form for each user, whose buttons lead back to the client', async t => {
  const google = await start(t)
  const flow = startFlow(google)
  const page = await fetch(flow.url)
  const markup = await page.text()
  t.equal(page.status, 200)
  t.match(markup, /<button class="account" name="as" value="100000000000000000002">Bob Builder/)
  t.match(markup, /name="grant" value="https:\/\/www\.googleapis\.com\/auth\/gmail\.modify" checked/)
  t.notMatch(markup, /name="grant" value="openid"/)

  const press = async (form: Array<[string, string]>) => {
    const body = new URLSearchParams([['request', flow.url.search.slice(1)], ...form])
    const answer = await fetch(page.url.split('?')[0] ?? '', { method: 'POST', body, redirect: 'manual' })
    t.equal(answer.status, 302)
    return answer.headers.get('location') ?? ''
  }
  const callback = await press([
    ['as', google.user('bob@example.com').sub],
    ['grant', READONLY]
  ])
  const { body } = await postToken(google, exchangeForm(flow, callback))
  t.match(body.scope, / https:\/\/www\.googleapis\.com\/auth\/gmail\.readonly$/)
  t.equal(google.ledger.canOpen(String(body.access_token)), google.user('bob@example.com').sub)
  t.match(await press([['deny', 'access_denied']]), /[?&]error=access_denied/)
})

t.test('consent page › a faulty request ends on an error page, without a redirect', async t => {
  const google = await start(t)
  const { url } = startFlow(google, { redirect_uri: 'https://evil.example/' })
  const page = await fetch(url, { redirect: 'manual' })
  t.equal(page.status, 400)
  t.match(await page.text(), /bad parameter: redirect_uri/)
  t.same(google.violations, ['authorization: bad parameter: redirect_uri'])
})

t.test('redirect URIs › registered by options, and later', async t => {
  const google = await start(t, { redirectUris: ['https://app.example.com/cb'] })
  t.throws(() => google.consent(startFlow(google).url), /redirect_uri/)
  google.redirectUris.add(REDIRECT_URI)
  t.doesNotThrow(() => google.consent(startFlow(google, { scope: GMAIL_SCOPES }).url))
})

t.test('narrow › later refreshes give fewer scopes, the sign-in scopes stay', async t => {
  const google = await start(t)
  const { refresh_token } = await connect(google)
  google.narrow('ada@example.com', ['gmail.readonly'])
  const { body } = await refresh(google, refresh_token)
  t.equal(body.scope, `openid https://www.googleapis.com/auth/userinfo.email ${READONLY}`)
})
