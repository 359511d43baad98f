import t from 'tap'
import type { FakeGoogle } from '../src/fake-google.ts'
import { callGmail, connect, createClock, exchangeForm, postToken, refresh, revoke, start, startFlow } from './story.ts'

const ADA = 'ada@example.com'

/** The form of a right exchange, ready to be spoilt. */
function ready(google: FakeGoogle): Record<string, string> {
  const flow = startFlow(google)
  return exchangeForm(flow, google.consent(flow.url))
}

t.test('exchange › the answer has Google’s fields, with no-store', async t => {
  const google = await start(t)
  const { status, headers, body } = await postToken(google, ready(google))
  t.equal(status, 200)
  t.equal(headers.get('cache-control'), 'no-store')
  t.match(body, { access_token: /^ya29\./, refresh_token: /^1\/\//, expires_in: 3599, token_type: 'Bearer' })
  t.same(Object.keys(body).sort(), ['access_token', 'expires_in', 'id_token', 'refresh_token', 'scope', 'token_type'])
})

t.test('exchange › a code works once; a second use revokes its tokens', async t => {
  const google = await start(t)
  google.rotateRefreshTokens = true
  const form = ready(google)
  const first = await postToken(google, form)
  const later = await refresh(google, String(first.body.refresh_token))
  t.match(await postToken(google, form), { status: 400, body: { error: 'invalid_grant' } })
  t.same(google.violations, ['token: code used twice'])
  for (const { body } of [first, later]) {
    t.equal((await callGmail(google, String(body.access_token), 'me/profile')).status, 401)
    t.equal((await refresh(google, String(body.refresh_token))).status, 400)
  }
  t.equal((await postToken(google, ready(google))).status, 200, 'the grant itself goes on')
})

t.test('exchange › fifty at once › one succeeds', async t => {
  const google = await start(t)
  const form = ready(google)
  const answers = await Promise.all(Array.from({ length: 50 }, () => postToken(google, form)))
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
})

t.test('exchange › each wrong parameter is refused, and the code is used up', async t => {
  const google = await start(t)
  const wrong: Array<[string, Record<string, string | undefined>, string, RegExp]> = [
    ['no redirect_uri', { redirect_uri: undefined }, 'invalid_request', /missing parameter: redirect_uri/],
    ['other redirect_uri', { redirect_uri: 'http://localhost:3000/' }, 'invalid_grant', /redirect_uri mismatch/],
    ['no verifier', { code_verifier: undefined }, 'invalid_request', /missing parameter: code_verifier/],
    ['short verifier', { code_verifier: 'a'.repeat(42) }, 'invalid_grant', /malformed code_verifier/],
    ['long verifier', { code_verifier: 'a'.repeat(129) }, 'invalid_grant', /malformed code_verifier/],
    ['other verifier', { code_verifier: 'a'.repeat(43) }, 'invalid_grant', /does not match/],
    ['unknown code', { code: '4/0Anothing' }, 'invalid_grant', /Malformed auth code/],
    ['no code', { code: undefined }, 'invalid_request', /missing parameter: code/],
    ['unknown parameter', { audience: 'x' }, 'invalid_request', /unknown parameter: audience/],
    ['state sent along', { state: 'x' }, 'invalid_request', /unknown parameter: state/],
    ['empty parameter', { client_id: '' }, 'invalid_request', /empty parameter: client_id/],
    ['no grant type', { grant_type: undefined }, 'unsupported_grant_type', /grant_type/],
    ['password', { grant_type: 'password' }, 'unsupported_grant_type', /grant_type/]
  ]
  for (const [name, change, error, error_description] of wrong) {
    const answer = await postToken(google, { ...ready(google), ...change })
    t.match(answer, { status: 400, body: { error, error_description } }, name)
  }
  t.equal(google.violations.length, wrong.length - 1, 'an unknown code may be the mistake of a browser')

  const form = ready(google)
  await postToken(google, { ...form, code_verifier: 'a'.repeat(43) })
  t.equal((await postToken(google, form)).status, 400, 'one guess')
})

t.test('token endpoint › only a POSTed form without query', async t => {
  const google = await start(t)
  const form = new URLSearchParams({ ...ready(google), client_id: google.clientId, client_secret: google.clientSecret })
  const url = `${google.issuer}/token`
  t.equal((await fetch(url)).status, 405)
  t.equal((await fetch(`${url}?${form}`, { method: 'POST' })).status, 400)
  const body = JSON.stringify(Object.fromEntries(form))
  t.equal((await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })).status, 400)
  const twice = new URLSearchParams([...form, ['code', 'x']])
  t.match(await (await fetch(url, { method: 'POST', body: twice })).text(), /repeated parameter: code/)
  t.equal((await fetch(url, { method: 'POST', body: form })).status, 200)
  t.match(google.violations, [/a secret in the URL/, /parameters in the URL/, /form/, /repeated/])
})

t.test('client authentication › by Basic or in the body, by one of them only', async t => {
  const google = await start(t)
  const basic = (id: string, secret: string) => ({
    authorization: `Basic ${Buffer.from([id, secret].map(encodeURIComponent).join(':')).toString('base64')}`
  })
  const bare = { client_id: undefined, client_secret: undefined }
  const good = basic(google.clientId, google.clientSecret)
  const statusOf = async (form: Record<string, string | undefined>, headers = {}) => {
    const { status, body } = await postToken(google, { ...ready(google), ...form }, headers)
    return [status, body.error]
  }
  t.same(await statusOf({}), [200, undefined])
  t.same(await statusOf(bare, good), [200, undefined])
  t.same(await statusOf({}, good), [400, 'invalid_request'], 'both')
  t.same(await statusOf(bare), [401, 'invalid_client'], 'none')
  t.same(await statusOf({ client_secret: 'x' }), [401, 'invalid_client'])
  t.same(await statusOf({ client_id: 'x' }), [401, 'invalid_client'])
  t.same(await statusOf(bare, basic(google.clientId, 'x')), [401, 'invalid_client'])
  t.same(await statusOf(bare, { authorization: 'Basic !' }), [401, 'invalid_client'])
  t.same(await statusOf(bare, { authorization: `Bearer ${google.clientSecret}` }), [401, 'invalid_client'])

  const form = ready(google)
  await postToken(google, { ...form, client_secret: 'x' })
  t.equal((await postToken(google, form)).status, 200, 'a stranger burns no code')
})

t.test('refresh › without rotation the token stays, with it the old one is invalid', async t => {
  const google = await start(t)
  const { refresh_token } = await connect(google)
  t.notOk('refresh_token' in (await refresh(google, refresh_token)).body)
  google.rotateRefreshTokens = true
  const { body } = await refresh(google, refresh_token)
  t.match(body.refresh_token, /^1\/\//)
  t.match((await refresh(google, refresh_token)).body, { error: 'invalid_grant' })
  t.equal((await refresh(google, String(body.refresh_token))).status, 200)
})

t.test('refresh › unknown tokens and wider scopes are refused', async t => {
  const google = await start(t)
  const { refresh_token } = await connect(google)
  t.match(await refresh(google, '1//0nothing'), { status: 400, body: { error: 'invalid_grant' } })
  t.match(await refresh(google, ''), { status: 400, body: { error: 'invalid_request' } })
  const asking = (scope: string) => postToken(google, { grant_type: 'refresh_token', refresh_token, scope })
  t.match((await asking('openid https://www.googleapis.com/auth/drive')).body, { error: 'invalid_scope' })
  t.match((await asking('openid')).body, { scope: 'openid' })
})

t.test('refresh › lifetimes follow the settings and the clock', async t => {
  const clock = createClock()
  const google = await start(t, { nowMs: clock.nowMs })
  google.accessTokenLifetimeSeconds = 60
  google.refreshTokenLifetimeSeconds = 604_799
  google.rotateRefreshTokens = true
  const tokens = await connect(google)
  t.match(tokens, { expires_in: 60, refresh_token_expires_in: 604_799 })
  clock.advanceSeconds(60)
  t.equal((await callGmail(google, tokens.access_token, 'me/profile')).status, 401)
  const { body } = await refresh(google, tokens.refresh_token)
  t.equal(body.refresh_token_expires_in, 604_739, 'a rotated token inherits the deadline')
  clock.advanceSeconds(604_739)
  t.match((await refresh(google, String(body.refresh_token))).body, { error: 'invalid_grant' })
})

t.test('refresh › more than a hundred valid tokens › the oldest is dropped silently', async t => {
  const google = await start(t)
  const first = await connect(google)
  const second = await connect(google)
  const other = await connect(google, { as: 'bob@example.com' })
  for (let count = 0; count < 99; count++) await connect(google)
  t.equal((await refresh(google, first.refresh_token)).status, 400)
  t.equal((await refresh(google, second.refresh_token)).status, 200)
  t.equal((await refresh(google, other.refresh_token)).status, 200, 'counted per account')
  t.equal((await callGmail(google, first.access_token, 'me/profile')).status, 200)
})

t.test('refresh › refusals of an account can be set and taken back', async t => {
  const google = await start(t)
  const [ada, bob] = [await connect(google), await connect(google, { as: 'bob@example.com' })]
  google.refuseRefresh(ADA, { error_subtype: 'invalid_rapt', error_description: 'reauth related error' })
  t.match(await refresh(google, ada.refresh_token), {
    status: 400,
    body: { error: 'invalid_grant', error_subtype: 'invalid_rapt', error_description: 'reauth related error' }
  })
  t.equal((await refresh(google, bob.refresh_token)).status, 200)
  google.refuseRefresh(ADA)
  t.equal((await refresh(google, ada.refresh_token)).status, 200)
})

t.test('password change › kills refresh tokens with Gmail scopes and no others', async t => {
  const google = await start(t)
  const mail = await connect(google)
  const drive = await connect(google, {}, { scope: 'openid https://www.googleapis.com/auth/drive.readonly' })
  google.changePassword(ADA)
  t.equal((await refresh(google, mail.refresh_token)).status, 400)
  t.equal((await refresh(google, drive.refresh_token)).status, 200)
})

t.test('revocation › takes the whole grant, by a refresh or an access token', async t => {
  const google = await start(t)
  for (const kind of ['refresh_token', 'access_token'] as const) {
    const [one, sibling] = [await connect(google), await connect(google)]
    const other = await connect(google, { as: 'bob@example.com' })
    t.equal((await revoke(google, one[kind])).status, 200)
    t.equal((await refresh(google, sibling.refresh_token)).status, 400)
    t.equal((await callGmail(google, sibling.access_token, 'me/profile')).status, 401)
    t.equal((await refresh(google, other.refresh_token)).status, 200)
    t.match(await revoke(google, one[kind]), { status: 400, body: { error: 'invalid_token' } })
  }
  t.same(google.violations, [])
})

t.test('revocation › unknown tokens, other shapes and tokens in the URL are refused', async t => {
  const google = await start(t)
  const { refresh_token } = await connect(google)
  const url = `${google.issuer}/revoke`
  t.match(await revoke(google, 'nothing'), { status: 400, body: { error: 'invalid_token' } })
  t.equal((await fetch(`${url}?token=${encodeURIComponent(refresh_token)}`, { method: 'POST' })).status, 400)
  t.equal((await fetch(url)).status, 405)
  t.equal((await fetch(url, { method: 'POST', body: refresh_token })).status, 400)
  const twice = new URLSearchParams({ token: refresh_token, access_token: 'x' })
  t.equal((await fetch(url, { method: 'POST', body: twice })).status, 400)
  t.match(google.violations, ['revoke: a secret in the URL', /URL/, /not a form/, /unknown parameter: access_token/])
  t.equal((await refresh(google, refresh_token)).status, 200)
})
