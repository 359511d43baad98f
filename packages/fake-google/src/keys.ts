import { generateKeyPair, type JsonWebKey, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'

const generate = promisify(generateKeyPair)

export interface SigningKey {
  kid: string
  privateKey: KeyObject
  publicJwk: JsonWebKey
}

export interface Keys {
  current(): SigningKey
  /** What the JWKS publishes, newest first. */
  published(): JsonWebKey[]
  /** Signs from now on with a new key; the old one leaves the JWKS unless `keepOld`. */
  rotate(options?: { keepOld?: boolean }): Promise<void>
  /** An RSA key that is never published. */
  foreign: SigningKey
  /** An elliptic-curve key; publishing it leaves the algorithm as the only reason to refuse its signature. */
  elliptic: SigningKey
  publishElliptic(): void
}

// Making an RSA key costs a tenth of a second and more: instances of one process share them, and differ by kid.
const rsaPool: Promise<KeyPair>[] = []
let ellipticPair: Promise<KeyPair> | undefined

interface KeyPair {
  privateKey: KeyObject
  publicKey: KeyObject
}

function rsaPair(position: number): Promise<KeyPair> {
  rsaPool[position] ??= generate('rsa', { modulusLength: 2048 })
  return rsaPool[position]
}

function toSigningKey({ privateKey, publicKey }: KeyPair, kid: string, alg: string): SigningKey {
  return { kid, privateKey, publicJwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } }
}

/** Keys for one instance; `name` makes its key ids unlike those of any other. */
export async function createKeys(name: string): Promise<Keys> {
  let serial = 1
  // Position 0 of the pool is the key no instance ever publishes.
  const foreign = toSigningKey(await rsaPair(0), `${name}-foreign`, 'RS256')
  ellipticPair ??= generate('ec', { namedCurve: 'P-256' })
  const elliptic = toSigningKey(await ellipticPair, `${name}-ec`, 'ES256')
  let current = toSigningKey(await rsaPair(serial), `${name}-${serial}`, 'RS256')
  let older: SigningKey[] = []
  let ellipticPublished = false

  return {
    foreign,
    elliptic,
    current: () => current,
    published: () => [current, ...older, ...(ellipticPublished ? [elliptic] : [])].map(key => key.publicJwk),
    publishElliptic: () => {
      ellipticPublished = true
    },
    async rotate({ keepOld = false } = {}) {
      serial += 1
      const next = toSigningKey(await rsaPair(serial), `${name}-${serial}`, 'RS256')
      older = keepOld ? [current, ...older] : []
      current = next
    }
  }
}
