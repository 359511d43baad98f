import { randomBytes } from 'node:crypto'
import { keepCompiled } from './compile-cache.ts'

/*
 * A start that serves nobody, for images: what is compiled for it is there for each start that follows, where no file can
 * be written any more.
 */
keepCompiled()
const { createServer } = await import('../app.ts')
const { parseConfig } = await import('../config/config.ts')
const { loadTheRest } = await import('../lazily.ts')
const { createSecret } = await import('../secrets.ts')

const app = await createServer(
  parseConfig({
    PUBLIC_URL: 'http://localhost',
    MONGODB_URI: 'mongodb://127.0.0.1:1/none',
    SESSION_SECRETS: createSecret(),
    VAULT_KEYS: `none:${randomBytes(32).toString('base64')}`,
    GOOGLE_CLIENT_ID: 'none',
    GOOGLE_CLIENT_SECRET: 'none'
  })
)
await app.ready()
await loadTheRest(0)
await app.close()
