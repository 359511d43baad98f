import { randomBytes } from 'node:crypto'
import MongoStore from 'connect-mongo'
import express from 'express'
import session from 'express-session'
import { google } from 'googleapis'

/* What most tutorials build: the session in MongoDB, the state in the session, Google's own client for the URL. */
const { PORT, MONGODB_URI, GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET } = process.env
const oauth2 = new google.auth.OAuth2(
  GOOGLE_CLIENT_ID,
  GOOGLE_CLIENT_SECRET,
  'http://localhost:3000/connect/gmail/callback'
)
const app = express()
app.use(
  session({
    secret: 'a secret for the bench of 32 characters or more',
    store: MongoStore.create({ mongoUrl: MONGODB_URI, collectionName: 'expressSessions' }),
    resave: false,
    saveUninitialized: false
  })
)
app.get('/sign-in', (request, response) => {
  request.session.userId = 'u'
  response.json({ user: 'u' })
})
app.get('/connect', (request, response) => {
  if (!request.session.userId) return response.status(401).end()
  const state = randomBytes(32).toString('base64url')
  request.session.state = state
  const url = oauth2.generateAuthUrl({
    access_type: 'offline',
    prompt: 'consent',
    state,
    scope: [
      'openid',
      'email',
      'https://www.googleapis.com/auth/gmail.readonly',
      'https://www.googleapis.com/auth/gmail.modify'
    ]
  })
  response.json({ url })
})
app.listen(Number(PORT), '127.0.0.1')
