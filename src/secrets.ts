import { hash, randomBytes } from 'node:crypto'

/** A new secret of 256 bits from the system's generator, in 43 base64url characters. */
export function createSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** How bearer secrets (session ids, states, keys) are stored: they hold full entropy, so a plain SHA-256 cannot be searched back. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'base64url')
}
