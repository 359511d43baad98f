import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { lazily, loadTheRest } from '../../src/lazily.ts'
import { startDatabase } from '../helper.ts'

const root = join(import.meta.dirname, '../..')

t.test('lazily › loads at the first use, once, and keeps no failure', async t => {
  const missing = lazily<object>('no-such-package')
  t.throws(missing, { code: 'MODULE_NOT_FOUND' })
  t.throws(missing, { code: 'MODULE_NOT_FOUND' })
  const entities = lazily<typeof import('entities')>('entities')
  t.equal(entities().decodeHTML('&amp;'), '&')
  t.equal(entities(), entities())
  await t.rejects(loadTheRest(0), { code: 'MODULE_NOT_FOUND' }, 'the rest is tried, too')
})

t.test('start › packages that only some requests need are loaded later, and all load', async t => {
  const script = `
    import { createRequire } from 'node:module'
    import { createServer } from './src/app.ts'
    import { parseConfig } from './src/config/config.ts'
    import { loadTheRest } from './src/lazily.ts'
    const packages = /node_modules\\/(googleapis|@fastify\\/oauth2|joi|undici|jose|libmime|entities|nodemailer\\/dist\\/cjs\\/mime-node)\\//
    const { cache } = createRequire(import.meta.url)
    const loaded = () => [...new Set(Object.keys(cache).map(file => packages.exec(file)?.[1]).filter(Boolean))].sort()
    const app = await createServer(parseConfig(process.env))
    const ready = await app.inject('/readyz')
    const atStart = loaded()
    await loadTheRest(0)
    await app.close()
    console.log(JSON.stringify({ status: ready.statusCode, atStart, later: loaded() }))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    env: {
      PUBLIC_URL: 'http://localhost:3000',
      MONGODB_URI: await startDatabase(t),
      SESSION_SECRETS: 'a secret for tests of 32 characters or more',
      VAULT_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
      GOOGLE_CLIENT_ID: 'id',
      GOOGLE_CLIENT_SECRET: 'secret',
      AUDIT_FILE: '/dev/null'
    }
  })
  t.same(JSON.parse(stdout), {
    status: 200,
    atStart: [],
    later: [
      '@fastify/oauth2',
      'entities',
      'googleapis',
      'joi',
      'jose',
      'libmime',
      'nodemailer/dist/cjs/mime-node',
      'undici'
    ]
  })
})
