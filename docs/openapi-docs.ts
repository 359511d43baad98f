import { randomBytes } from 'node:crypto'
import { createServer } from '../src/app.ts'
import { parseConfig } from '../src/config/config.ts'

/** The API as every deployment has it, with all that is optional; its server is a placeholder. */
export async function renderOpenapi(): Promise<string> {
  const config = parseConfig({
    PUBLIC_URL: 'https://guichet.invalid',
    TRUST_PROXY: 'loopback',
    // Nothing is asked of it.
    MONGODB_URI: 'mongodb://127.0.0.1:1/guichet',
    SESSION_SECRETS: randomBytes(32).toString('hex'),
    VAULT_KEYS: `docs:${randomBytes(32).toString('base64')}`,
    GOOGLE_CLIENT_ID: 'docs',
    GOOGLE_CLIENT_SECRET: 'docs',
    GMAIL_PUBSUB_TOPIC: 'projects/docs/topics/gmail',
    GMAIL_PUSH_ACCOUNT: 'push@docs.example'
  })
  const app = await createServer(config)
  try {
    return `${JSON.stringify(await app.openapi(), null, 2)}\n`
  } finally {
    await app.close()
  }
}
