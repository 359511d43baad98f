import type { FakeGoogle } from '@guichet/fake-google'
import type { Claims, IdTokenTampering } from '@guichet/fake-google/id-token'

/** One way to spoil an id_token: before it is signed, or the finished answer. */
export type Mutation =
  | IdTokenTampering
  | ((google: FakeGoogle) => IdTokenTampering)
  | { rewrite: (token: string) => unknown }

export type Mutations = Record<string, Mutation>

/** Spoils the id_token of the next code exchange. */
export function plant(google: FakeGoogle, mutation: Mutation): void {
  if ('rewrite' in mutation) {
    const { rewrite } = mutation
    google.fault('token', { mutate: answer => ({ ...answer, id_token: rewrite(String(answer.id_token)) }) })
  } else {
    google.nextIdToken(typeof mutation === 'function' ? mutation(google) : mutation)
  }
}

const claims = (change: Claims | ((honest: Claims) => Claims)): Mutation => ({
  claims: typeof change === 'function' ? honest => ({ ...honest, ...change(honest) }) : change
})
const fromNow = (claim: 'exp' | 'iat' | 'nbf', seconds: number) =>
  claims(({ iat }) => ({ [claim]: Number(iat) + seconds }))

/** [R9] OpenID Connect Core 3.1.3.7, rule 11. */
export const nonces: Mutations = {
  'another nonce': claims({ nonce: 'n'.repeat(43) }),
  'no nonce': claims({ nonce: undefined }),
  'an empty nonce': claims({ nonce: '' }),
  'null for a nonce': claims({ nonce: null }),
  'a number for a nonce': claims({ nonce: 0 }),
  'true for a nonce': claims({ nonce: true }),
  'a list that holds the nonce': claims(({ nonce }) => ({ nonce: [nonce] })),
  'an object for a nonce': claims(({ nonce }) => ({ nonce: { $eq: nonce } })),
  'the nonce and more': claims(({ nonce }) => ({ nonce: `${nonce}x` })),
  'the nonce cut short': claims(({ nonce }) => ({ nonce: String(nonce).slice(0, -1) })),
  'the nonce in capitals': claims(({ nonce }) => ({ nonce: String(nonce).toUpperCase() })),
  'a nonce of another flow': google => ({ claims: { nonce: google.ledger.of('nonce')[0]?.value } })
}

const [flipped, dropped] = [
  (text: string, at: number) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1),
  (token: string) => token.slice(0, token.lastIndexOf('.') + 1)
]
const parts = (token: string) => token.split('.') as [header: string, payload: string, signature: string]
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const withHeader = (header: object) => (token: string) => [encode(header), ...parts(token).slice(1)].join('.')

/** [R10] Rules 6 to 8, RFC 8725: who signed, and how. */
export const signatures: Mutations = {
  'alg none': { alg: 'none' },
  'alg None': { alg: 'none', header: { alg: 'None' } },
  'alg NONE': { alg: 'none', header: { alg: 'NONE' } },
  'alg none with a signature': { rewrite: withHeader({ alg: 'none' }) },
  'HS256 keyed with the client secret': { alg: 'HS256' },
  'HS256 keyed with the published key': { alg: 'HS256-with-jwk' },
  'HS256 without a kid': { alg: 'HS256', header: { kid: undefined } },
  'HS512 in the header': { header: { alg: 'HS512' } },
  'ES256, its key published': { alg: 'ES256' },
  'RS384 in the header': { header: { alg: 'RS384' } },
  'RS512 in the header': { header: { alg: 'RS512' } },
  'PS256 in the header': { header: { alg: 'PS256' } },
  'EdDSA in the header': { header: { alg: 'EdDSA' } },
  'rs256 in the header': { header: { alg: 'rs256' } },
  'no alg': { header: { alg: undefined } },
  'a list of algs': { header: { alg: ['RS256'] } },
  'a foreign key under the published kid': { key: 'foreign' },
  'a foreign key without a kid': { key: 'foreign', header: { kid: undefined } },
  'a foreign key under a kid of its own': { key: 'foreign', header: { kid: 'foreign' } },
  'a foreign key that the header brings': google => ({ key: 'foreign', header: { jwk: google.foreignJwk() } }),
  'a foreign key that the header brings, and nothing else': google => ({
    key: 'foreign',
    header: { jwk: google.foreignJwk(), kid: undefined }
  }),
  'a foreign key that jku names': google => ({
    key: 'foreign',
    header: { jku: `${google.issuer}/foreign/jwks`, kid: 'foreign' }
  }),
  'a foreign key that x5u names': google => ({ key: 'foreign', header: { x5u: `${google.issuer}/foreign/x5u` } }),
  'a foreign key that x5c brings': { key: 'foreign', header: { x5c: ['AAAA'] } },
  'an unknown kid': { header: { kid: 'unknown' } },
  'a kid that is a path': { header: { kid: '../../../../dev/null' } },
  'a kid that is a number': { header: { kid: 1 } },
  'a critical extension': { header: { crit: ['exp'], exp: 1 } },
  'an unencoded payload': { header: { b64: false, crit: ['b64'] } },
  'no signature': { rewrite: dropped },
  'a signature with another bit': { rewrite: token => flipped(token, token.lastIndexOf('.') + 10) },
  'a signature cut short': { rewrite: token => token.slice(0, -4) },
  'a signature and more': { rewrite: token => `${token}AAAA` },
  'a payload with another bit': { rewrite: token => flipped(token, token.indexOf('.') + 10) },
  'another payload under the signature': {
    rewrite: token => {
      const [header, payload, signature] = parts(token)
      const other = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), sub: '100000000000000000002' }
      return [header, encode(other), signature].join('.')
    }
  }
}

/** [R10] Values that are not a signed token. */
export const shapes: Mutations = {
  none: { omit: true },
  empty: { rewrite: () => '' },
  null: { rewrite: () => null },
  'a number': { rewrite: () => 1 },
  'a list': { rewrite: token => [token] },
  'an object': { rewrite: token => ({ token }) },
  'a word': { rewrite: () => 'token' },
  'two parts': { rewrite: token => token.split('.').slice(0, 2).join('.') },
  'four parts': { rewrite: token => `${token}.AAAA` },
  'five parts': { rewrite: token => `${token}.AAAA.AAAA` },
  'three empty parts': { rewrite: () => '..' },
  'a space before it': { rewrite: token => ` ${token}` },
  'its JSON form': {
    rewrite: token => {
      const [header, payload, signature] = parts(token)
      return JSON.stringify({ protected: header, payload, signature })
    }
  },
  'a payload that is a list': { rewrite: token => [parts(token)[0], encode([1]), parts(token)[2]].join('.') },
  'more than is ever needed': { claims: { padding: 'x'.repeat(20_000) } }
}

/** [R11] Rules 2 to 5: from whom, and for whom. */
export const parties: Mutations = {
  'another audience': claims({ aud: 'another.apps.googleusercontent.com' }),
  'another audience beside ours': claims(({ aud }) => ({ aud: [aud, 'another.apps.googleusercontent.com'] })),
  'another audience before ours': claims(({ aud }) => ({ aud: ['another.apps.googleusercontent.com', aud] })),
  'a list of other audiences': claims({ aud: ['another.apps.googleusercontent.com'] }),
  'no audience': claims({ aud: undefined }),
  'an empty audience': claims({ aud: '' }),
  'an empty list of audiences': claims({ aud: [] }),
  'null for an audience': claims({ aud: null }),
  'a number for an audience': claims({ aud: 1234567890 }),
  'an object for an audience': claims(({ aud }) => ({ aud: { 0: aud } })),
  'our audience cut short': claims(({ aud }) => ({ aud: String(aud).slice(0, -1) })),
  'our audience and more': claims(({ aud }) => ({ aud: `${aud}.evil.example` })),
  'our audience in capitals': claims(({ aud }) => ({ aud: String(aud).toUpperCase() })),
  'another azp': claims({ azp: 'another.apps.googleusercontent.com' }),
  'an empty azp': claims({ azp: '' }),
  'a list for an azp': claims(({ azp }) => ({ azp: [azp] })),
  'no issuer': claims({ iss: undefined }),
  'an empty issuer': claims({ iss: '' }),
  'null for an issuer': claims({ iss: null }),
  'a list for an issuer': claims(({ iss }) => ({ iss: [iss] })),
  'the issuer with another scheme': claims(({ iss }) => ({ iss: String(iss).replace('http:', 'https:') })),
  'the issuer without a scheme': claims(({ iss }) => ({ iss: String(iss).replace('http://', '') })),
  'the issuer with a slash': claims(({ iss }) => ({ iss: `${iss}/` })),
  'the issuer in capitals': claims(({ iss }) => ({ iss: String(iss).toUpperCase() })),
  'a longer issuer': claims(({ iss }) => ({ iss: `${iss}.evil.example` })),
  'a look-alike': claims({ iss: 'https://accounts.g\u043e\u043egle.com' }),
  "Google's own, where another is configured": claims({ iss: 'https://accounts.google.com' })
}

/** [R12] Rules 9 and 10, and whom it is about. */
export const timesAndSubject: Mutations = {
  'expired 61 s ago': fromNow('exp', -61),
  'expired a day ago': fromNow('exp', -86_400),
  'issued in 61 s': fromNow('iat', 61),
  'issued tomorrow': fromNow('iat', 86_400),
  'not valid for another 61 s': fromNow('nbf', 61),
  'no exp': claims({ exp: undefined }),
  'null for an exp': claims({ exp: null }),
  'text for an exp': claims(({ exp }) => ({ exp: String(exp) })),
  'a date for an exp': claims({ exp: '2099-01-01T00:00:00Z' }),
  'true for an exp': claims({ exp: true }),
  'a list for an exp': claims(({ exp }) => ({ exp: [exp] })),
  'exp 0': claims({ exp: 0 }),
  'exp below 0': claims({ exp: -1 }),
  'no iat': claims({ iat: undefined }),
  'null for an iat': claims({ iat: null }),
  'text for an iat': claims(({ iat }) => ({ iat: String(iat) })),
  'iat in milliseconds': claims(({ iat }) => ({ iat: Number(iat) * 1000 })),
  'no sub': claims({ sub: undefined }),
  'an empty sub': claims({ sub: '' }),
  'null for a sub': claims({ sub: null }),
  'a number for a sub': claims(({ sub }) => ({ sub: Number(sub) })),
  'a list for a sub': claims(({ sub }) => ({ sub: [sub] })),
  'an operator for a sub': claims({ sub: { $gt: '' } }),
  'a sub of 256 characters': claims({ sub: '1'.repeat(256) })
}
