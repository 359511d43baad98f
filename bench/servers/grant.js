import cookie from '@fastify/cookie'
import session from '@fastify/session'
import MongoStore from 'connect-mongo'
import Fastify from 'fastify'
import grant from 'grant'

/* Grant on Fastify, its state, nonce and PKCE in a session that MongoDB holds. */
const { PORT, MONGODB_URI, GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET } = process.env
const app = Fastify()
await app.register(cookie)
await app.register(session, {
  secret: 'a secret for the bench of 32 characters or more',
  store: MongoStore.create({ mongoUrl: MONGODB_URI, collectionName: 'grantSessions' }),
  cookie: { secure: false },
  saveUninitialized: false,
  rolling: false
})
app.get('/sign-in', async request => {
  request.session.userId = 'u'
  return { user: 'u' }
})
await app.register(
  grant.fastify({
    defaults: { origin: 'http://localhost:3000', transport: 'session', state: true, nonce: true, pkce: true },
    google: {
      key: GOOGLE_CLIENT_ID,
      secret: GOOGLE_CLIENT_SECRET,
      custom_params: { access_type: 'offline', prompt: 'consent' },
      scope: [
        'openid',
        'email',
        'https://www.googleapis.com/auth/gmail.readonly',
        'https://www.googleapis.com/auth/gmail.modify'
      ]
    }
  })
)
await app.listen({ host: '127.0.0.1', port: Number(PORT) })
