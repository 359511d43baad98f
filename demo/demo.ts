import { randomBytes } from 'node:crypto'
import { startEmbeddedMongo } from '@guichet/embedded-mongo'
import { findFreePort } from '@guichet/fake-google/free-port'
import { createServer } from '../src/app.ts'
import { operations } from '../src/backend/keys.ts'
import { services } from '../src/catalogue.ts'
import { parseConfig } from '../src/config/config.ts'
import { ConfigError } from '../src/config/config-error.ts'
import { startDemoGoogle } from './google.ts'

/** What has been opened so far; closed in the opposite order. */
const closers: (() => Promise<unknown>)[] = []

/** A reason not to start that needs no stack trace. */
class Refusal extends Error {}

process.on('SIGINT', end)
process.on('SIGTERM', end)
try {
  await start()
} catch (error) {
  const isPlain = error instanceof Refusal || error instanceof ConfigError
  console.error(isPlain ? error.message : error)
  process.exitCode = 1
  await close()
}

async function start(): Promise<void> {
  if (process.env.NODE_ENV === 'production') {
    throw new Refusal('This is the demo, and NODE_ENV says production. For production: npm run build && npm start')
  }
  // A free port (PORT=0) has to be known beforehand: the redirect URIs name it.
  const asked = process.env.PORT || '3000'
  const port = asked === '0' ? await findFreePort() : Number(asked)
  const publicUrl = `http://localhost:${port}`
  const callbacks = ['/auth/google/callback', ...services.map(({ id }) => `/connect/${id}/callback`)]
  const redirectUris = callbacks.map(path => publicUrl + path)
  const [mongodbUri, google] = await Promise.all([startMongo(), findGoogle(publicUrl, redirectUris)])
  const config = parseConfig({
    HOST: '127.0.0.1', // never another: neither the database nor the demo's Google asks who is there
    PORT: String(port),
    PUBLIC_URL: publicUrl,
    MONGODB_URI: mongodbUri,
    SESSION_SECRETS: randomBytes(32).toString('base64url'),
    VAULT_KEYS: `demo:${randomBytes(32).toString('base64')}`,
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
    ALLOWED_ORIGINS: process.env.ALLOWED_ORIGINS,
    ...google.variables
  })
  const app = await createServer(config, true)
  closers.push(() => app.close())
  await app.listen({ host: config.host, port: config.port }).catch(error => {
    if (error.code !== 'EADDRINUSE') throw error
    throw new Refusal(`Port ${port} is taken. On another one: PORT=3001 npm run demo`)
  })
  const { key } = await app.backendKeys.create({
    name: 'demo',
    operations: [...operations],
    services: null,
    expiresAt: null
  })
  console.log(`
  This is the DEMO of guichet, not for production: it keeps everything in memory, under keys
  made for this start, and forgets it when it ends (Ctrl-C). Only this machine can reach it.

  Open   ${publicUrl}
${google.advice.map(line => (line ? `\n  ${line}` : '\n')).join('')}

  What your backend does, with a key made for this start:
         KEY=${key}
         curl -H "Authorization: Bearer $KEY" ${publicUrl}/v1/connections
         curl -H "Authorization: Bearer $KEY" -X POST ${publicUrl}/v1/connections/ID/token
         curl -H "Authorization: Bearer $KEY" -X PUT ${publicUrl}/v1/connections/ID/gmail/watch
         curl -H "Authorization: Bearer $KEY" -N ${publicUrl}/v1/connections/ID/gmail/stream
`)
}

async function startMongo(): Promise<string> {
  const mongo = await startEmbeddedMongo()
  closers.push(() => mongo.close())
  return mongo.uri
}

/** The Google that the environment names a client for, or else one of the demo's own: what to configure, and what to try. */
async function findGoogle(publicUrl: string, redirectUris: string[]) {
  const { GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET } = process.env
  if (GOOGLE_CLIENT_ID || GOOGLE_CLIENT_SECRET) {
    return {
      variables: { GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET },
      advice: ['With the real Google: register these redirect URIs for your OAuth client.', ...redirectUris]
    }
  }
  const { google, variables, controlsUrl } = await startDemoGoogle(publicUrl, redirectUris)
  closers.push(() => google.close())
  return {
    variables,
    advice: [
      'Try    1. "Sign in with Google": a fake Google asks who you are. Choose Ada.',
      '       2. Connect Gmail, as Ada again; then "Show latest mail".',
      '       3. Connect another Gmail account, as Noor: two connections side by side. Untick a box on the way.',
      '       4. Disconnect one, sign out, or delete the account.',
      '',
      `And play Google: ${controlsUrl}`,
      '       Take a permission back, let tokens expire, fill the quota, deliver a new mail.',
      '',
      'With your own Google project instead: GOOGLE_CLIENT_ID=… GOOGLE_CLIENT_SECRET=… npm run demo'
    ]
  }
}

async function close(): Promise<void> {
  for (let closer = closers.pop(); closer; closer = closers.pop()) await closer()
}

/** npm passes on the Ctrl-C that the terminal has already sent: the second signal has nothing left to do. */
async function end(): Promise<void> {
  await close()
  process.exit()
}
