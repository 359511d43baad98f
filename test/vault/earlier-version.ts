import { createCipheriv, randomBytes } from 'node:crypto'
import type { VaultKey } from '../../src/config/key-ring.ts'
import type { SealContext } from '../../src/vault/vault.ts'

/** As the version before this one sealed: under the ring's own key. */
export function sealAsBefore(text: string, { owner, record, field }: SealContext, { id, key: own }: VaultKey): string {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', own, nonce).setAAD(
    Buffer.from(['guichet', id, owner, record, field].join('\0'))
  )
  const sealed = cipher.update(text, 'utf8', 'base64url') + cipher.final('base64url')
  return [id, nonce.toString('base64url'), sealed, cipher.getAuthTag().toString('base64url')].join('.')
}
