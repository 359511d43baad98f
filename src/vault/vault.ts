import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import type { VaultKey } from '../config/key-ring.ts'
import { GuichetError } from '../errors.ts'
import { createRecentlyUsed } from '../recently-used.ts'

/**
 * Where a sealed value belongs. It is authenticated with the value (AES-GCM's associated data),
 * so that an envelope moved to another user, record or field does not open there.
 */
export interface SealContext {
  /** Whose it is: a user's id, or a session's for what precedes a user. */
  owner: string
  /** The record's id. */
  record: string
  field: string
}

export interface Vault {
  /** Seals under the first key of the ring: `v2.keyId.nonce.ciphertext.tag`, the last three base64url. */
  seal(plaintext: string, context: SealContext): string
  /**
   * Opens what any key of the ring sealed, in the earlier version too: `keyId.nonce.ciphertext.tag`, by the ring's own key.
   * @throws GuichetError `unsealable` if the key is not in the ring, or anything in envelope or context was changed
   */
  open(envelope: string, context: SealContext): string
  /** The ids of the ring, the sealing key's first. */
  readonly keyIds: readonly string[]
  /** How every envelope begins that `seal` writes; what begins otherwise is for `vault rotate`. */
  readonly prefix: string
}

const version = 'v2'
const algorithm = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16

interface RingKey {
  id: string
  /** What sealed envelopes of the earlier version. */
  own: KeyObject
  /** HKDF's pseudorandom key, from which each record's key is derived. */
  master: KeyObject
}

/** A vault over a non-empty ring: the first key seals, all open. There is no plaintext mode. */
export function createVault(ring: readonly VaultKey[]): Vault {
  const keys = new Map(ring.map(({ id, key }) => [id, { id, own: createSecretKey(key), master: extract(key) }]))
  const [primary] = keys.values()
  if (!primary) throw new Error('the key ring is empty')
  const nextNonce = createNonces()
  const keyToOpen = createKeyCache()
  const prefix = `${version}.${primary.id}.`

  return {
    keyIds: [...keys.keys()],
    prefix,

    seal(plaintext, context) {
      const nonce = nextNonce()
      const cipher = createCipheriv(algorithm, keyOf(primary, context), nonce, { authTagLength: tagBytes })
      cipher.setAAD(associatedData([version, primary.id], context))
      const sealed = cipher.update(plaintext, 'utf8', 'base64url') + cipher.final('base64url')
      return `${prefix}${nonce.toString('base64url')}.${sealed}.${cipher.getAuthTag().toString('base64url')}`
    },

    open(envelope, context) {
      try {
        const parts = envelope.split('.')
        const isDerived = parts.length === 5 && parts[0] === version
        if (!isDerived && parts.length !== 4) throw new Error('malformed envelope')
        const [keyId = '', nonce = '', sealed = '', tag = ''] = isDerived ? parts.slice(1) : parts
        const key = keys.get(keyId)
        if (!key) throw new Error(`no key ${keyId.slice(0, 32)} in the ring`)
        const raw = [nonce, sealed, tag].map(part => Buffer.from(part, 'base64url'))
        const [nonceRaw, sealedRaw, tagRaw] = raw as [Buffer, Buffer, Buffer]
        // Base64url has spare bits: only the one spelling that seal() writes is accepted.
        if ([nonce, sealed, tag].some((part, index) => raw[index]?.toString('base64url') !== part)) {
          throw new Error('malformed envelope')
        }
        const sealingKey = isDerived ? keyToOpen(key, context) : key.own
        const decipher = createDecipheriv(algorithm, sealingKey, nonceRaw, { authTagLength: tagBytes })
        decipher.setAAD(associatedData(isDerived ? [version, keyId] : [keyId], context))
        decipher.setAuthTag(tagRaw)
        return Buffer.concat([decipher.update(sealedRaw), decipher.final()]).toString('utf8')
      } catch (cause) {
        throw new GuichetError('unsealable', { cause })
      }
    }
  }
}

/*
 * HKDF-SHA-256 (RFC 5869) without a salt, as `hkdf` of node:crypto computes it. The first half is the ring key's alone and
 * is done once, so that a record's key costs one HMAC.
 */
function extract(key: Buffer): KeyObject {
  return createSecretKey(createHmac('sha256', Buffer.alloc(32)).update(key).digest())
}

/**
 * The key of one record: it seals no more than that record's values, so that random nonces under it have no end
 * (a key of the ring alone would be used up after 2^32 sealings: NIST SP 800-38D, section 8.3).
 */
function keyOf({ id, master }: RingKey, { record }: SealContext): KeyObject {
  const info = ['guichet', version, id, record].join('\0')
  // As a KeyObject: Node 24 takes three times as long to make a cipher with the bytes themselves.
  return createSecretKey(createHmac('sha256', master).update(`${info}\x01`).digest())
}

const keysKept = 500

/** The keys of the records opened last: a token that is vended again and again derives its key once. */
function createKeyCache(): typeof keyOf {
  const kept = createRecentlyUsed<string, KeyObject>(keysKept)
  return (ringKey, context) => {
    const name = `${ringKey.id}.${context.record}`
    const known = kept.get(name)
    if (known) return known
    const key = keyOf(ringKey, context)
    kept.set(name, key)
    return key
  }
}

/** Random nonces (NIST SP 800-38D 8.2.2), drawn from the system 256 at a time: a call for each would cost more than the sealing. */
function createNonces(): () => Buffer {
  let pool = Buffer.alloc(0)
  return () => {
    if (pool.length === 0) pool = randomBytes(nonceBytes * 256)
    const nonce = pool.subarray(0, nonceBytes)
    pool = pool.subarray(nonceBytes)
    return nonce
  }
}

/** No part can run into the next: ids and field names hold no NUL. */
function associatedData(sealedBy: readonly string[], { owner, record, field }: SealContext): Buffer {
  return Buffer.from(['guichet', ...sealedBy, owner, record, field].join('\0'))
}
