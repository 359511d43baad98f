import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import Fastify from 'fastify'
import { MongoClient } from 'mongodb'

/*
 * The floor: bare Fastify that does the same work on the database and the same cryptography as guichet does for one
 * request, and nothing else. No checks, no log, no audit, no limits, no schemas.
 */
const { MONGODB_URI = '', PORT = '0' } = process.env
const client = new MongoClient(MONGODB_URI, { writeConcern: { w: 'majority' }, readPreference: 'primary' })
const db = client.db()
const key = Buffer.alloc(32, 1)
const app = Fastify()

const seal = (text: string): string => {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const sealed = cipher.update(text, 'utf8', 'base64url') + cipher.final('base64url')
  return `k1.${nonce.toString('base64url')}.${sealed}.${cipher.getAuthTag().toString('base64url')}`
}
const open = (envelope: string): string => {
  const [, nonce = '', sealed = '', tag = ''] = envelope.split('.')
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64url'))
  decipher.setAuthTag(Buffer.from(tag, 'base64url'))
  return decipher.update(sealed, 'base64url', 'utf8') + decipher.final('utf8')
}
const hash = (text: string) => createHash('sha256').update(text).digest('base64url')

const tokens = db.collection<{ _id: string; sealed: string } & Record<string, unknown>>('floorTokens')
const sessions = db.collection<{ _id: string } & Record<string, unknown>>('floorSessions')
const flows = db.collection<{ _id: string } & Record<string, unknown>>('floorFlows')
await flows.createIndexes([
  { key: { expiresAt: 1 }, expireAfterSeconds: 3600 },
  { key: { sessionId: 1, createdAt: -1 } },
  { key: { userId: 1 } }
])
const now = new Date()
await tokens.updateOne(
  { _id: 'one' },
  {
    $set: {
      sealed: seal('ya29.'.padEnd(220, 'x')),
      live: true,
      userId: 'u',
      service: 'gmail',
      account: { sub: '1'.repeat(21), email: 'ada@example.com' },
      deadReason: null,
      grantedScopes: [
        'openid',
        'email',
        'https://www.googleapis.com/auth/gmail.readonly',
        'https://www.googleapis.com/auth/gmail.modify'
      ],
      refreshToken: seal('1//'.padEnd(100, 'x')),
      accessTokenExpiresAt: new Date(now.getTime() + 3_600_000),
      refreshTokenExpiresAt: null,
      version: 1,
      lease: null,
      cooldownUntil: null,
      owed: null,
      outbox: [],
      warnedOf: null,
      createdAt: now,
      updatedAt: now,
      lastRefreshedAt: null
    }
  },
  { upsert: true }
)
await sessions.updateOne(
  { _id: hash('one') },
  { $set: { userId: 'u', earlier: null, startedAt: now, seenAt: now, expiresAt: now } },
  { upsert: true }
)

app.post('/vend', async () => {
  const record = await tokens.findOne({ _id: 'one', live: true })
  return { access_token: open(record?.sealed ?? ''), token_type: 'Bearer', expires_in: 3000, scope: 'openid email' }
})

app.get('/connect', async () => {
  createHmac('sha256', key).update('one').digest('base64')
  const session = await sessions.findOne({ _id: hash('one') })
  const [state, nonce, verifier] = [randomBytes(32), randomBytes(32), randomBytes(32)].map(b => b.toString('base64url'))
  const createdAt = new Date()
  const _id = hash(state ?? '')
  await flows.insertOne({
    _id,
    purpose: 'connect',
    service: 'gmail',
    sessionId: session?._id,
    userId: session?.userId,
    returnTo: null,
    connectionId: null,
    expectedEmail: null,
    sealed: seal(JSON.stringify([nonce, verifier])),
    createdAt,
    expiresAt: new Date(createdAt.getTime() + 600_000)
  })
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: 'client',
    redirect_uri: 'http://localhost:3000/connect/gmail/callback',
    scope: 'openid email https://www.googleapis.com/auth/gmail.readonly https://www.googleapis.com/auth/gmail.modify',
    state: state ?? '',
    nonce: nonce ?? '',
    code_challenge: hash(verifier ?? ''),
    code_challenge_method: 'S256',
    access_type: 'offline',
    prompt: 'consent'
  })
  return {
    url: `https://accounts.google.com/o/oauth2/v2/auth?${query}`,
    expiresAt: new Date(createdAt.getTime() + 600_000)
  }
})

await app.listen({ host: '127.0.0.1', port: Number(PORT) })
process.stdout.write(`listening ${(app.server.address() as { port: number }).port}\n`)
