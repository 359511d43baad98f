import { randomBytes } from 'node:crypto'
import { createSecret } from './secret-hash.ts'

const usage = `Usage:
  guichet secrets    print a fresh SESSION_SECRETS and VAULT_KEYS
`

/** The key's id tells when it was made; it stands in every envelope. */
function printSecrets(): void {
  const id = `k${new Date().toISOString().slice(0, 10).replaceAll('-', '')}`
  process.stdout.write(`SESSION_SECRETS=${createSecret()}\nVAULT_KEYS=${id}:${randomBytes(32).toString('base64')}\n`)
}

const [command] = process.argv.slice(2)
if (command === 'secrets') printSecrets()
else {
  process.stderr.write(usage)
  process.exitCode = 1
}
