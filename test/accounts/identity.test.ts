import { generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import t from 'tap'
import { createIdTokenVerifier } from '../../src/google/id-token.ts'
import { collectionsOf, enter } from '../helper.ts'

interface Session {
  user: { id: string; email: string }
}

t.test('[R13] users › the same account with a new address › the same user', async t => {
  const { google, signedIn, app } = await enter(t)
  const before = await signedIn()
  const connection = await before.connected()
  const { id } = (await before.fetch('/auth/session')).json<Session>().user
  const { sub, name } = google.user('ada@example.com')
  google.addUser({ sub, name, email: 'countess@example.com' })

  const after = await signedIn(sub)
  t.match((await after.fetch('/auth/session')).json(), { user: { id, email: 'countess@example.com' } })
  t.match((await after.fetch('/connections')).json(), { connections: [{ id: connection.id }] })
  t.equal(await collectionsOf(app).users.countDocuments(), 1)
  t.same(google.violations, [])
})

t.test('[R13] users › another account with the same or a similar address › another user', async t => {
  const { google, signedIn, app } = await enter(t)
  const ada = await signedIn()
  const connection = await ada.connected()
  const ids = [(await ada.fetch('/auth/session')).json<Session>().user.id]

  const addresses = [
    'ada@example.com',
    'ADA@EXAMPLE.COM',
    'ada\uff20example.com',
    'ada@example.com\u200b',
    'ad\u0430@example.com',
    'ada@example.com@evil.example',
    'ada@evil.example@example.com',
    ' ada@example.com',
    'ada+x@example.com',
    'a.da@example.com'
  ]
  for (const [position, email] of addresses.entries()) {
    const sub = `20000000000000000000${position}`
    google.addUser({ sub, email, name: 'Not Ada', emailVerified: position % 2 === 0 })
    const other = await signedIn(sub)
    const { user } = (await other.fetch('/auth/session')).json<Session>()
    ids.push(user.id)
    t.equal(user.email, email)
    t.same((await other.fetch('/connections')).json(), { connections: [] }, email)
    t.equal((await other.fetch(`/connections/${connection.id}`)).statusCode, 404)
    t.equal((await other.fetch(`/connections/${connection.id}/gmail/profile`)).statusCode, 404)
    t.equal((await other.fetch(`/connections/${connection.id}`, 'DELETE')).statusCode, 404)
  }
  t.equal(new Set(ids).size, addresses.length + 1)
  t.equal(await collectionsOf(app).users.countDocuments(), addresses.length + 1)
  t.match((await ada.fetch('/connections')).json(), { connections: [{ id: connection.id, status: 'active' }] })
  t.same(google.violations, [])
})

t.test('[R13] users › the same sub from two issuers › two users', async t => {
  const { app, signedIn, google } = await enter(t)
  const ada = await signedIn()
  const { sub, email } = google.user('ada@example.com')
  const elsewhere = await app.users.signIn({
    issuer: 'https://accounts.google.com',
    sub,
    email,
    emailVerified: true,
    hostedDomain: null,
    name: null,
    picture: null
  })
  t.not((await ada.fetch('/auth/session')).json<Session>().user.id, elsewhere._id.toHexString())
})

t.test("[R11] id_token › Google's two issuer names are accepted, similar ones are not", async t => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keys = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256' }] }
  const endpoint = 'http://localhost:1/'
  const verifier = createIdTokenVerifier({
    endpoints: async () => ({
      issuer: 'https://accounts.google.com',
      authorizationEndpoint: endpoint,
      tokenEndpoint: endpoint,
      revocationEndpoint: endpoint,
      jwksUri: endpoint,
      issParameterSupported: false
    }),
    clientId: 'client',
    clock: { nowMs: Date.now },
    fetch: async () => Response.json(keys)
  })
  const tokenOf = (iss: string) =>
    new SignJWT({ nonce: 'nonce', email: 'ada@example.com', email_verified: true })
      .setProtectedHeader({ alg: 'RS256', kid: 'k' })
      .setIssuer(iss)
      .setAudience('client')
      .setSubject('1')
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(privateKey)

  for (const iss of ['https://accounts.google.com', 'accounts.google.com']) {
    const identity = await verifier.verify(await tokenOf(iss), 'nonce')
    t.match(identity, { issuer: 'https://accounts.google.com', sub: '1' }, 'one user under either name')
  }
  for (const iss of [
    'http://accounts.google.com',
    'https://accounts.google.com/',
    'https://accounts.google.com:443',
    'https://Accounts.Google.com',
    'accounts.google.com.',
    'accounts.google.com.evil.example',
    'https://accounts.google.com@evil.example',
    'https://accounts.goog1e.com',
    'https://accounts.g\u043e\u043egle.com',
    'google.com',
    'https://www.googleapis.com',
    ''
  ]) {
    await t.rejects(verifier.verify(await tokenOf(iss), 'nonce'), { code: 'google_invalid_response' }, iss)
  }
})
