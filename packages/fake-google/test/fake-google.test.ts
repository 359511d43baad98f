import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import t from 'tap'
import type { Endpoint } from '../src/http.ts'
import { callGmail, connect, refresh, revoke, start, startFlow, toJsonAnswer } from './story.ts'

t.test('fake Google › a whole connection, from discovery to the revoked grant', async t => {
  const google = await start(t)
  const { body: metadata } = await toJsonAnswer(await fetch(`${google.issuer}/.well-known/openid-configuration`))
  t.match(metadata, { issuer: google.issuer, code_challenge_methods_supported: ['S256'] })

  const tokens = await connect(google)
  t.match(tokens.access_token, /^ya29\.\S{30}/)
  t.match(tokens.refresh_token, /^1\/\/\S{30}/)
  const jwks = createRemoteJWKSet(new URL(String(metadata.jwks_uri)))
  const { payload } = await jwtVerify(tokens.id_token, jwks, { issuer: google.issuer, audience: google.clientId })
  t.match(payload, { sub: google.user('ada@example.com').sub, email: 'ada@example.com', azp: google.clientId })
  t.notOk('name' in payload, 'the name only for who asks for the profile')

  const { body: profile } = await callGmail(google, tokens.access_token, 'me/profile')
  t.equal(profile.emailAddress, 'ada@example.com')
  const { body: refreshed } = await refresh(google, tokens.refresh_token)
  t.equal(google.ledger.canOpen(String(refreshed.access_token)), google.user('ada@example.com').sub)

  t.equal((await revoke(google, tokens.refresh_token)).status, 200)
  t.equal((await callGmail(google, tokens.access_token, 'me/profile')).status, 401)
  t.match((await refresh(google, tokens.refresh_token)).body, { error: 'invalid_grant' })
  const endpoints: Endpoint[] = ['token', 'jwks', 'discovery', 'revoke', 'gmail', 'unknown']
  t.same(endpoints.map(google.calls), [3, 1, 1, 1, 2, 0])
  t.same(google.violations, [])
})

t.test('fake Google › a path that it does not serve › a violation', async t => {
  const google = await start(t)
  t.equal((await fetch(`${google.issuer}/.well-known/nothing`)).status, 404)
  t.equal(google.calls('unknown'), 1)
  t.same(google.violations, ['unknown path: GET /.well-known/nothing'])
})

t.test('fake Google › requests are recorded as they came', async t => {
  const google = await start(t)
  const arrived = google.arrival('token')
  await fetch(`${google.issuer}/token?a=%2e%2e`, { method: 'POST', body: 'grant_type=x', headers: { 'x-a': 'b' } })
  const request = await arrived
  t.match(request, { method: 'POST', path: '/token', query: 'a=%2e%2e', body: 'grant_type=x', complete: true })
  t.equal(request.headers['x-a'], 'b')
  t.equal(google.requestsTo('token')[0], request)
})

t.test('discovery › iss support is announced unless switched off', async t => {
  const google = await start(t)
  const discover = async () => {
    return (await toJsonAnswer(await fetch(`${google.issuer}/.well-known/openid-configuration`))).body
  }
  t.equal((await discover()).authorization_response_iss_parameter_supported, true)
  google.issParameterSupported = false
  t.notOk('authorization_response_iss_parameter_supported' in (await discover()))
})

t.test('JWKS › rotation replaces the key, or keeps the old one beside it', async t => {
  const google = await start(t)
  const kids = async () => {
    const { body } = await toJsonAnswer(await fetch(`${google.issuer}/oauth2/v3/certs`))
    return (body.keys as Array<{ kid: string; d?: string }>).map(({ kid, d }) => (d ? 'private!' : kid))
  }
  const [first] = await kids()
  await google.rotateKeys()
  const [second, ...others] = await kids()
  t.not(second, first)
  t.same(others, [])
  await google.rotateKeys({ keepOld: true })
  t.same((await kids()).slice(1), [second])
})

t.test('userinfo › only for a valid bearer token with openid', async t => {
  const google = await start(t)
  const ask = async (bearer: string) => {
    const headers = { authorization: `Bearer ${bearer}` }
    return toJsonAnswer(await fetch(`${google.issuer}/v1/userinfo`, { headers }))
  }
  const { access_token } = await connect(google, {}, { scope: 'openid email profile' })
  const { sub } = google.user('ada@example.com')
  t.match((await ask(access_token)).body, { sub, email: 'ada@example.com', name: 'Ada Lovelace' })
  t.equal((await ask('ya29.unknown')).status, 401)
  google.expireAccessTokens(sub)
  t.equal((await ask(access_token)).status, 401)
  const other = await connect(google, {}, { scope: 'https://www.googleapis.com/auth/gmail.readonly' })
  t.equal((await ask(other.access_token)).status, 403)
})

t.test('fake Google › two at once › share nothing', async t => {
  const [one, other] = await Promise.all([start(t), start(t)])
  t.not(one.canary, other.canary)
  const { access_token, refresh_token } = await connect(one)
  t.equal((await callGmail(other, access_token, 'me/profile')).status, 401)
  t.match((await refresh(other, refresh_token)).body, { error: 'invalid_grant' })
  t.throws(() => other.consent(startFlow(one).url), /not the authorization endpoint/)
})

t.test('arrival › waits for the nth request from now', async t => {
  const google = await start(t)
  const third = google.arrival('discovery', 3)
  for (const _ of [1, 2, 3]) await fetch(`${google.issuer}/.well-known/openid-configuration`)
  t.equal(await third, google.requests[2])
})

t.test('idle connections can be closed under a client', async t => {
  const google = await start(t)
  const socket = connectSocket(google.port, '127.0.0.1')
  socket.write('GET /oauth2/v3/certs HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'data')
  const ended = once(socket, 'close')
  google.closeIdleConnections()
  await ended
  t.pass()
})

t.test('fake Google › reset › knows nothing, with the same URL, client and keys', async t => {
  const before = await start(t)
  const old = await connect(before)
  before.codeLifetimeSeconds = 1
  before.fault('token', { status: 500 }, Infinity)
  const jwks = createRemoteJWKSet(new URL(`${before.issuer}/oauth2/v3/certs`))
  await jwtVerify(old.id_token, jwks)

  const google = await before.renew()
  t.same([google.issuer, google.clientId, google.clientSecret], [before.issuer, before.clientId, before.clientSecret])
  t.same([google.requests.length, google.violations.length, google.codeLifetimeSeconds], [0, 0, 600])
  t.equal(google.ledger.find(google.clientSecret, ['client_secret']).length, 1)
  t.match((await refresh(google, old.refresh_token)).body, { error: 'invalid_grant' })
  const tokens = await connect(google)
  await jwtVerify(tokens.id_token, jwks)
  t.equal(google.calls('jwks'), 0, 'the keys that clients have are still right')
  t.equal((await callGmail(google, old.access_token, 'me/profile')).status, 401)
})
