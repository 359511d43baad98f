import { createCipheriv, createDecipheriv, createHash, createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import Fastify from 'fastify'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { MongoClient } from 'mongodb'
import { request } from 'undici'

/*
 * The floor: bare Fastify that does the same work on the database and the same cryptography as guichet does for one
 * request, and nothing else. No checks, no log, no audit, no limits, no schemas.
 */
const { MONGODB_URI = '', PORT = '0', GOOGLE_ISSUER = 'https://accounts.google.com' } = process.env
const { GOOGLE_CLIENT_ID = 'client', GOOGLE_CLIENT_SECRET = '' } = process.env
const client = new MongoClient(MONGODB_URI, { writeConcern: { w: 'majority' }, readPreference: 'primary' })
const db = client.db()
const key = createSecretKey(Buffer.alloc(32, 1))
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
const redirectUri = 'http://localhost:3000/connect/gmail/callback'
const discovery = await request(`${GOOGLE_ISSUER}/.well-known/openid-configuration`)
const endpoints = (await discovery.body.json()) as Record<string, string>
const keys = createRemoteJWKSet(new URL(endpoints.jwks_uri ?? ''))
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
      pendingRevocation: null,
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
    client_id: GOOGLE_CLIENT_ID,
    redirect_uri: redirectUri,
    scope: 'openid email https://www.googleapis.com/auth/gmail.readonly https://www.googleapis.com/auth/gmail.modify',
    state: state ?? '',
    nonce: nonce ?? '',
    code_challenge: hash(verifier ?? ''),
    code_challenge_method: 'S256',
    access_type: 'offline',
    prompt: 'consent'
  })
  return {
    url: `${endpoints.authorization_endpoint}?${query}`,
    expiresAt: new Date(createdAt.getTime() + 600_000)
  }
})

/** The same reads, writes and call to Google as a connect's callback. */
app.get<{ Querystring: { state: string; code: string } }>('/callback', async ({ query: { state, code } }) => {
  createHmac('sha256', key).update('one').digest('base64')
  const session = await sessions.findOne({ _id: hash('one') })
  await flows.findOne({ _id: hash(state), sessionId: session?._id }, { projection: { returnTo: 1 } })
  const flow = await flows.findOneAndUpdate(
    { _id: hash(state), usedAt: { $exists: false } },
    { $set: { usedAt: new Date() }, $unset: { sealed: '' } },
    { returnDocument: 'before' }
  )
  const [nonce, verifier] = JSON.parse(open(String(flow?.sealed)))
  const answer = await request(endpoints.token_endpoint ?? '', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: GOOGLE_CLIENT_ID,
      client_secret: GOOGLE_CLIENT_SECRET,
      code,
      code_verifier: verifier,
      redirect_uri: redirectUri
    }).toString()
  })
  const granted = (await answer.body.json()) as Record<string, string>
  const { payload } = await jwtVerify(granted.id_token ?? '', keys, {
    issuer: GOOGLE_ISSUER,
    audience: GOOGLE_CLIENT_ID
  })
  if (payload.nonce !== nonce) throw new Error('the nonce is another')
  await tokens.findOne({ userId: 'u', service: 'gmail', 'account.sub': '1'.repeat(21), live: true })
  await tokens.findOneAndUpdate(
    { _id: 'one', live: true },
    { $set: { refreshToken: seal(granted.refresh_token ?? ''), sealedAnew: seal(granted.access_token ?? '') } },
    { returnDocument: 'after' }
  )
  await flows.updateOne({ _id: hash(state) }, { $set: { outcome: { id: 'one' } } })
  return { message: 'token receive' }
})

/** Whose mail is read: not measured. */
app.post<{ Body: { token: string } }>('/token', async ({ body: { token } }) => {
  await tokens.updateOne({ _id: 'one' }, { $set: { sealed: seal(token) } })
  return {}
})

/** Fetches from Gmail what it is told to: the first alone, then the rest at once; and hands the bytes on. */
app.post<{ Body: string[] }>('/fetch', async ({ body: [first = '', ...rest] }, reply) => {
  const record = await tokens.findOne({ _id: 'one', live: true })
  const headers = { authorization: `Bearer ${open(record?.sealed ?? '')}` }
  const fetchOne = async (path: string) =>
    Buffer.from(await (await request(GOOGLE_ISSUER + path, { headers })).body.bytes())
  const bytes = [await fetchOne(first), ...(await Promise.all(rest.map(fetchOne)))]
  return reply.type('application/json').send(Buffer.concat(bytes))
})

app.post<{ Body: string[] }>('/stream', async ({ body: [path = ''] }, reply) => {
  const record = await tokens.findOne({ _id: 'one', live: true })
  const { body } = await request(GOOGLE_ISSUER + path, {
    headers: { authorization: `Bearer ${open(record?.sealed ?? '')}` }
  })
  reply.hijack()
  await pipeline(body, reply.raw)
})

await app.listen({ host: '127.0.0.1', port: Number(PORT) })
process.stdout.write(`listening ${(app.server.address() as { port: number }).port}\n`)
