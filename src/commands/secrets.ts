import { randomBytes } from 'node:crypto'
import { createSecret } from '../secrets.ts'

/** A fresh pair for a new guichet, as lines of an environment file. The key's id tells when it was made. */
export function printSecrets(out: (text: string) => void): void {
  const id = `k${new Date().toISOString().slice(0, 10).replaceAll('-', '')}`
  out(`SESSION_SECRETS=${createSecret()}`)
  out(`VAULT_KEYS=${id}:${randomBytes(32).toString('base64')}`)
}
