import { createRemoteJWKSet, jwtVerify } from 'jose'
import t from 'tap'
import { type FakeGoogle, type FakeGoogleOptions, startFakeGoogle } from './fake-google.ts'
import { callGmail, connect, refresh, startFlow, toJsonAnswer } from './story.ts'

async function start(t: Tap, options: FakeGoogleOptions = {}): Promise<FakeGoogle> {
  const google = await startFakeGoogle(options)
  t.teardown(() => google.close())
  return google
}
type Tap = Pick<typeof t, 'teardown'>

t.test('fake Google › a whole connection, from discovery to the revoked grant', async t => {
  const google = await start(t)
  const { body: metadata } = await toJsonAnswer(await fetch(`${google.issuer}/.well-known/openid-configuration`))
  t.match(metadata, { issuer: google.issuer, code_challenge_methods_supported: ['S256'] })

  const flow = startFlow(google)
  const callback = new URL(google.consent(flow.url))
  t.same([...callback.searchParams.keys()], ['state', 'iss', 'code', 'scope', 'authuser', 'prompt'])
  t.equal(callback.searchParams.get('iss'), google.issuer)

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

  const revoked = await fetch(`${google.issuer}/revoke`, {
    method: 'POST',
    body: new URLSearchParams({ token: tokens.refresh_token })
  })
  t.equal(revoked.status, 200)
  t.equal((await callGmail(google, tokens.access_token, 'me/profile')).status, 401)
  t.match((await refresh(google, tokens.refresh_token)).body, { error: 'invalid_grant' })
  t.same(
    ['token', 'jwks', 'discovery', 'revoke', 'gmail'].map(e => google.calls(e as 'token')),
    [3, 1, 1, 1, 2]
  )
  t.same(google.violations, [])
})
