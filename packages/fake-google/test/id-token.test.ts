import { createHash, createHmac, createPublicKey } from 'node:crypto'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import t from 'tap'
import type { FakeGoogle } from '../src/fake-google.ts'
import type { IdTokenTampering } from '../src/id-token.ts'
import { connect, createClock, exchangeForm, postToken, start, startFlow } from './story.ts'

async function tampered(google: FakeGoogle, tampering: IdTokenTampering): Promise<string> {
  google.nextIdToken(tampering)
  return (await connect(google)).id_token
}

function verify(google: FakeGoogle, token: string) {
  const jwks = createRemoteJWKSet(new URL(`${google.issuer}/oauth2/v3/certs`))
  return jwtVerify(token, jwks, { issuer: google.issuer, audience: google.clientId, algorithms: ['RS256'] })
}

t.test('id_token › correct claims, bound to the flow and the access token', async t => {
  const clock = createClock()
  const google = await start(t, { nowMs: clock.nowMs })
  const flow = startFlow(google, { scope: 'openid email profile' })
  const { body } = await postToken(google, exchangeForm(flow, google.consent(flow.url)))
  const { payload, protectedHeader } = await verify(google, String(body.id_token))
  const iat = Math.floor(clock.nowMs() / 1000)
  const digest = createHash('sha256').update(String(body.access_token)).digest()
  t.match(protectedHeader, { alg: 'RS256', typ: 'JWT' })
  t.same(payload, {
    iss: google.issuer,
    azp: google.clientId,
    aud: google.clientId,
    sub: google.user('ada@example.com').sub,
    email: 'ada@example.com',
    email_verified: true,
    name: 'Ada Lovelace',
    picture: google.user('ada@example.com').picture,
    at_hash: digest.subarray(0, 16).toString('base64url'),
    nonce: flow.nonce,
    iat,
    exp: iat + 3600
  })
})

t.test('id_token › claims set, removed or computed › the next token is correct again', async t => {
  const google = await start(t)
  const spoilt = await tampered(google, { claims: { nonce: 'other', aud: ['a', 'b'], email: undefined } })
  t.match(decodeJwt(spoilt), { nonce: 'other', aud: ['a', 'b'] })
  t.notOk('email' in decodeJwt(spoilt))
  t.same(decodeJwt(await tampered(google, { claims: ({ sub }) => ({ sub, only: true }) })), {
    sub: google.user('ada@example.com').sub,
    only: true
  })
  await t.resolves(verify(google, (await connect(google)).id_token))
})

t.test('id_token › headers set and removed', async t => {
  const google = await start(t)
  const header = { kid: undefined, jku: 'http://127.0.0.1:1/jwks', jwk: google.foreignJwk() }
  const decoded = decodeProtectedHeader(await tampered(google, { header, key: 'foreign' }))
  t.notOk('kid' in decoded)
  t.match(decoded, { alg: 'RS256', jku: 'http://127.0.0.1:1/jwks', jwk: { kty: 'RSA', n: google.foreignJwk().n } })
})

t.test('id_token › can be unsigned, signed by a foreign key or with a confused algorithm', async t => {
  const google = await start(t)
  const published = async () => {
    const { keys } = (await (await fetch(`${google.issuer}/oauth2/v3/certs`)).json()) as { keys: { kty: string }[] }
    return keys
  }
  const none = await tampered(google, { alg: 'none' })
  t.equal(decodeProtectedHeader(none).alg, 'none')
  t.match(none, /\.$/)

  const splitOf = (token: string) => [token.slice(0, token.lastIndexOf('.')), token.slice(token.lastIndexOf('.') + 1)]
  const [input = '', mac] = splitOf(await tampered(google, { alg: 'HS256' }))
  t.equal(mac, createHmac('sha256', google.clientSecret).update(input).digest('base64url'))
  const [jwkInput = '', jwkMac] = splitOf(await tampered(google, { alg: 'HS256-with-jwk' }))
  const [jwk] = await published()
  t.equal(jwkMac, createHmac('sha256', JSON.stringify(jwk)).update(jwkInput).digest('base64url'))

  const foreign = await tampered(google, { key: 'foreign' })
  await t.rejects(verify(google, foreign), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' })
  await t.resolves(jwtVerify(foreign, createPublicKey({ key: google.foreignJwk(), format: 'jwk' })))

  const elliptic = await tampered(google, { alg: 'ES256' })
  const jwks = createRemoteJWKSet(new URL(`${google.issuer}/oauth2/v3/certs`))
  await t.resolves(jwtVerify(elliptic, jwks), 'a good signature of a published key')
  await t.rejects(verify(google, elliptic), { code: 'ERR_JOSE_ALG_NOT_ALLOWED' })
  t.same(
    (await published()).map(({ kty }) => kty),
    ['RSA', 'EC']
  )
})

t.test('id_token › left out, or any text', async t => {
  const google = await start(t)
  google.nextIdToken({ omit: true })
  google.nextIdToken({ raw: 'no token' })
  t.notOk('id_token' in (await connect(google)))
  t.equal((await connect(google)).id_token, 'no token')
})

t.test('id_token › signed by the new key after a rotation', async t => {
  const google = await start(t)
  const before = decodeProtectedHeader((await connect(google)).id_token).kid
  await google.rotateKeys()
  const { id_token } = await connect(google)
  t.not(decodeProtectedHeader(id_token).kid, before)
  await t.resolves(verify(google, id_token))
})

t.test('users › a known sub gets its new address; a new sub may share one', async t => {
  const google = await start(t)
  const { sub } = google.user('ada@example.com')
  const mails = google.user(sub).messages.length
  google.addUser({ sub, email: 'ada@new.example', name: 'Ada', emailVerified: false })
  const claims = decodeJwt((await connect(google, { as: sub })).id_token)
  t.match(claims, { sub, email: 'ada@new.example', email_verified: false })
  t.equal(google.user(sub).messages.length, mails)
  google.addUser({ sub: 'twin', email: 'ada@new.example', name: 'Twin' })
  t.equal(decodeJwt((await connect(google, { as: 'twin' })).id_token).sub, 'twin')
})
