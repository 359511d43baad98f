import { generateKeyPair, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto'
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
  readonly foreign: SigningKey
  /** An elliptic-curve key; publishing it leaves the algorithm as the only reason to refuse its signature. */
  readonly elliptic: SigningKey
  publishElliptic(): void
}

// Making an RSA key costs a tenth of a second and more: instances of one process share them, and differ by kid.
const rsaPool: Promise<KeyPair>[] = []
// Only forged tokens need these two: they are made when one is asked for.
let foreignPair: KeyPair | undefined
let ellipticPair: KeyPair | undefined

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
  let serial = 0
  let current = toSigningKey(await rsaPair(serial), `${name}-${serial}`, 'RS256')
  let older: SigningKey[] = []
  let ellipticPublished = false

  function elliptic(): SigningKey {
    ellipticPair ??= generateKeyPairSync('ec', { namedCurve: 'P-256' })
    return toSigningKey(ellipticPair, `${name}-ec`, 'ES256')
  }

  return {
    get foreign() {
      foreignPair ??= generateKeyPairSync('rsa', { modulusLength: 2048 })
      return toSigningKey(foreignPair, `${name}-foreign`, 'RS256')
    },
    get elliptic() {
      return elliptic()
    },
    current: () => current,
    published: () => [current, ...older, ...(ellipticPublished ? [elliptic()] : [])].map(key => key.publicJwk),
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
