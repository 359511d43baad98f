import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer as createSocketServer } from 'node:net'
import { startEmbeddedMongo } from '@guichet/embedded-mongo'
import { createEmulator } from 'emulate'
import { createServer } from '../src/app.ts'
import { operations } from '../src/backend/keys.ts'
import { services } from '../src/catalogue.ts'
import { ConfigError, parseConfig } from '../src/config/config.ts'

const ada = 'ada.lindqvist@example.com'
const noor = 'noor.haddad@example.org'
// Without a picture the emulator's id_token says `picture: null`, which Google's never does.
const users = [
  { email: ada, name: 'Ada Lindqvist', picture: 'https://pictures.example/ada' },
  { email: noor, name: 'Noor Haddad', picture: 'https://pictures.example/noor' }
]
type Mail = [to: string, hoursAgo: number, from: string, subject: string, text: string]
const mail: Mail[] = [
  [
    ada,
    1,
    'Jonas Berg <jonas@northlight.example>',
    'Minutes of Thursday and two open questions',
    'Thanks for taking the chair. We left open who talks to the printer, and whether the second hall is free on the 9th.'
  ],
  [
    ada,
    3,
    'Malmberg Library <desk@library.example>',
    'Two of your books are due on Friday',
    'You can renew one of them until Thursday night. "The Summer Book" is wanted by another reader.'
  ],
  [
    ada,
    8,
    'Priya Raman <priya@northlight.example>',
    'Re: Draft of the autumn programme',
    'I moved the workshop to the afternoon, for those who come by the noon train. Comments are in the margin.'
  ],
  [
    ada,
    26,
    'City Waterworks <notice@waterworks.example>',
    'Water off on Tuesday, 9 to 11',
    'We are replacing a valve in your street. Fill a jug beforehand and let the tap run for a minute afterwards.'
  ],
  [
    ada,
    49,
    'Karin Lindqvist <karin@lindqvist.example>',
    'The photographs from the lake',
    'Your father is in almost none of them, because he was holding the camera. The best ones are in the post.'
  ],
  [
    noor,
    2,
    'Parcel Desk <track@parcels.example>',
    'Your parcel is waiting at the counter',
    'Bring the number on this message and something with your name on it. It is kept for seven days.'
  ],
  [
    noor,
    5,
    'Samir Haddad <samir@haddad.example>',
    'Sunday at ours?',
    'We start at one. Bring nothing, or if you must, the apricot thing.'
  ],
  [
    noor,
    30,
    'Night School <office@nightschool.example>',
    'Your place in Ceramics II is confirmed',
    'The first evening is the 3rd. Clay and glazes are included; an apron is not.'
  ]
]

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
  const [mongodbUri, google] = await Promise.all([startMongo(), findGoogle(redirectUris)])
  const config = parseConfig({
    HOST: '127.0.0.1', // never another: neither the database nor the emulated Google asks who is there
    PORT: String(port),
    PUBLIC_URL: publicUrl,
    MONGODB_URI: mongodbUri,
    SESSION_SECRETS: randomBytes(32).toString('base64url'),
    VAULT_KEYS: `demo:${randomBytes(32).toString('base64')}`,
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
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
`)
}

async function startMongo(): Promise<string> {
  const mongo = await startEmbeddedMongo()
  closers.push(() => mongo.close())
  return mongo.uri
}

/** The Google that the environment names a client for, or else an emulated one: what to configure, and what to try. */
async function findGoogle(redirectUris: string[]) {
  const { GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET } = process.env
  if (GOOGLE_CLIENT_ID || GOOGLE_CLIENT_SECRET) {
    return {
      variables: { GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET },
      advice: ['With the real Google: register these redirect URIs for your OAuth client.', ...redirectUris]
    }
  }
  const { url, clientId, clientSecret } = await startEmulatedGoogle(redirectUris)
  return {
    variables: {
      GOOGLE_CLIENT_ID: clientId,
      GOOGLE_CLIENT_SECRET: clientSecret,
      GOOGLE_ISSUER: url,
      GOOGLE_API_URL: url
    },
    advice: [
      'Try    1. "Sign in with Google": an emulated Google asks who you are. Choose Ada.',
      '       2. Connect Gmail, as Ada again; then "Show latest mail".',
      '       3. Connect another Gmail account, as Noor: two connections side by side.',
      '       4. Disconnect one, sign out, or delete the account.',
      '',
      'With your own Google project instead: GOOGLE_CLIENT_ID=… GOOGLE_CLIENT_SECRET=… npm run demo'
    ]
  }
}

async function startEmulatedGoogle(redirectUris: string[]) {
  const port = await findFreePort()
  const clientId = 'guichet-demo'
  const clientSecret = randomBytes(16).toString('hex')
  const google = await createEmulator({
    service: 'google',
    port,
    // By its number, while guichet is `localhost`: two sites to a browser, as with the real Google.
    baseUrl: `http://127.0.0.1:${port}`,
    seed: {
      google: {
        users,
        messages: mail.map(toMessage),
        oauth_clients: [
          { client_id: clientId, client_secret: clientSecret, name: 'the guichet demo', redirect_uris: redirectUris }
        ]
      }
    }
  })
  closers.push(() => google.close())
  return { url: google.url, clientId, clientSecret }
}

function toMessage([to, hoursAgo, from, subject, text]: Mail, index: number) {
  const date = new Date(Date.now() - hoursAgo * 3_600_000).toISOString()
  return { id: `demo${index}`, user_email: to, to, from, subject, body_text: text, date, label_ids: ['INBOX'] }
}

async function findFreePort(): Promise<number> {
  const server = createSocketServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function close(): Promise<void> {
  for (let closer = closers.pop(); closer; closer = closers.pop()) await closer()
}

/** npm passes on the Ctrl-C that the terminal has already sent: the second one finds nothing left to do. */
async function end(): Promise<void> {
  await close()
  process.exit()
}
