import { createLocalJWKSet, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import t from 'tap'
import { createPushVerifier, readNotification } from '../../../../src/services/gmail/news/push.ts'

const nowMs = Date.parse('2026-11-27T12:00:00Z')
const now = nowMs / 1000
const account = 'pusher@project.iam.gserviceaccount.com'
const audience = 'https://auth.example.com/hooks/gmail'

const google = await generateKeyPair('RS256')
const stranger = await generateKeyPair('RS256')
const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(google.publicKey)), kid: 'k1', alg: 'RS256' }] })
const verify = createPushVerifier({
  findKey: keys,
  issuer: async () => 'https://accounts.google.com',
  audience,
  account,
  clock: { nowMs: () => nowMs }
})

const good: JWTPayload = {
  iss: 'https://accounts.google.com',
  aud: audience,
  azp: '1234',
  sub: '1234',
  email: account,
  email_verified: true,
  iat: now - 10,
  exp: now + 3590
}
function sign(claims: JWTPayload, { key = google.privateKey, kid = 'k1' } = {}): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid }).sign(key)
}

t.test("[G30] a push's token › of the configured account, with either issuer name › accepted", async t => {
  await t.resolves(verify(`Bearer ${await sign(good)}`))
  await t.resolves(verify(`Bearer ${await sign({ ...good, iss: 'accounts.google.com' })}`))
  await t.resolves(verify(`Bearer ${await sign({ ...good, exp: now - 59 })}`), 'clocks differ by a minute')
})

const { email: _email, ...noEmail } = good
const { exp: _exp, ...noExp } = good
const { aud: _aud, ...noAud } = good
const { email_verified: _verified, ...noVerified } = good
const wrong: Record<string, JWTPayload> = {
  'another issuer': { ...good, iss: 'https://accounts.example.com' },
  'http in the issuer': { ...good, iss: 'http://accounts.google.com' },
  'another audience': { ...good, aud: 'https://other.example.com/hooks/gmail' },
  'a second audience': { ...good, aud: [audience, 'https://other.example.com'] },
  'no audience': noAud,
  'another account': { ...good, email: 'other@project.iam.gserviceaccount.com' },
  'the account in other letters': { ...good, email: account.toUpperCase() },
  'no account': noEmail,
  'an account that is not verified': { ...good, email_verified: false },
  'a word for verified': { ...good, email_verified: 'true' },
  'nothing of verified': noVerified,
  'run out': { ...good, exp: now - 61 },
  'no end': noExp,
  'issued in the future': { ...good, iat: now + 61 }
}
for (const [name, claims] of Object.entries(wrong)) {
  t.test(`[G30] a push's token › ${name} › 401`, async t => {
    await t.rejects(verify(`Bearer ${await sign(claims)}`), { code: 'unauthenticated' })
  })
}

t.test("[G30] a push's token › not signed by Google › 401", async t => {
  await t.rejects(verify(`Bearer ${await sign(good, { key: stranger.privateKey })}`), { code: 'unauthenticated' })
  await t.rejects(verify(`Bearer ${await sign(good, { kid: 'k2' })}`), { code: 'unauthenticated' })
  const body = Buffer.from(JSON.stringify(good)).toString('base64url')
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`
  const hmac = await new SignJWT(good).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(Buffer.from('a'.repeat(32)))
  for (const token of [none, hmac, 'x', '']) {
    await t.rejects(verify(`Bearer ${token}`), { code: 'unauthenticated' })
  }
  await t.rejects(verify(undefined), { code: 'unauthenticated' })
  await t.rejects(verify(`Basic ${await sign(good)}`), { code: 'unauthenticated' })
})

t.test("[R107] a push's token › is refused › the cause is a code", async t => {
  for (const [claims, code] of [
    [{ ...good, aud: 'another' }, 'audience'],
    [{ ...good, email: 'other@project.iam.gserviceaccount.com' }, 'account'],
    [{ ...good, exp: now - 61 }, 'expired'],
    [noEmail, 'claims']
  ] as const)
    await t.rejects(verify(`Bearer ${await sign(claims)}`), { cause: { code } })
  await t.rejects(verify(undefined), { cause: { code: 'missing' } })
})

const body = (data: string) => ({ message: { data, messageId: '1' }, subscription: 'projects/p/subscriptions/s' })

t.test("[G28][G30] a push › Gmail's notification › every digit of the historyId is kept", async t => {
  const json = '{"emailAddress":"Ada@Example.com","historyId":9007199254740993}'
  const expected = { address: 'ada@example.com', historyId: '9007199254740993' }
  t.same(readNotification(body(Buffer.from(json).toString('base64'))), expected)
  t.same(readNotification(body(Buffer.from(json).toString('base64url'))), expected)
})

t.test('[G30] a push › with unexpected content › refused as invalid', async t => {
  for (const json of ['', '{', '[]', 'null', '{"emailAddress":1,"historyId":2}', '{"emailAddress":"a@b.c"}']) {
    t.throws(() => readNotification(body(Buffer.from(json).toString('base64'))), { code: 'invalid_request' }, json)
  }
})
