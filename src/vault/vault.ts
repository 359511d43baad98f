import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { VaultKey } from '../config/key-ring.ts'
import { GuichetError } from '../errors.ts'

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
  /** Seals under the first key of the ring: `keyId.nonce.ciphertext.tag`, each base64url. */
  seal(plaintext: string, context: SealContext): string
  /** @throws GuichetError `unsealable` if the key is not in the ring, or anything in envelope or context was changed */
  open(envelope: string, context: SealContext): string
  /** The ids of the ring, the sealing key's first. */
  readonly keyIds: readonly string[]
}

const algorithm = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16

/** A vault over a non-empty ring: the first key seals, all open. There is no plaintext mode. */
export function createVault(ring: readonly VaultKey[]): Vault {
  const [primary] = ring
  if (!primary) throw new Error('the key ring is empty')
  const keys = new Map(ring.map(({ id, key }) => [id, key]))
  const nextNonce = createNonces()

  return {
    keyIds: [...keys.keys()],

    seal(plaintext, context) {
      const nonce = nextNonce()
      const cipher = createCipheriv(algorithm, primary.key, nonce, { authTagLength: tagBytes })
      cipher.setAAD(associatedData(primary.id, context))
      const sealed = cipher.update(plaintext, 'utf8', 'base64url') + cipher.final('base64url')
      return `${primary.id}.${nonce.toString('base64url')}.${sealed}.${cipher.getAuthTag().toString('base64url')}`
    },

    open(envelope, context) {
      try {
        const [keyId = '', nonce = '', sealed = '', tag = '', ...rest] = envelope.split('.')
        const key = keys.get(keyId)
        if (!key) throw new Error(`no key ${keyId.slice(0, 32)} in the ring`)
        const parts = [nonce, sealed, tag].map(part => Buffer.from(part, 'base64url'))
        const [nonceRaw, sealedRaw, tagRaw] = parts as [Buffer, Buffer, Buffer]
        // Base64url has spare bits: only the one spelling that seal() writes is accepted.
        if (
          rest.length > 0 ||
          [nonce, sealed, tag].some((part, index) => parts[index]?.toString('base64url') !== part)
        ) {
          throw new Error('malformed envelope')
        }
        const decipher = createDecipheriv(algorithm, key, nonceRaw, { authTagLength: tagBytes })
        decipher.setAAD(associatedData(keyId, context))
        decipher.setAuthTag(tagRaw)
        return Buffer.concat([decipher.update(sealedRaw), decipher.final()]).toString('utf8')
      } catch (cause) {
        throw new GuichetError('unsealable', { cause })
      }
    }
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
function associatedData(keyId: string, { owner, record, field }: SealContext): Buffer {
  return Buffer.from(['guichet', keyId, owner, record, field].join('\0'))
}
