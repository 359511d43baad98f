import fastifyCookie from '@fastify/cookie'
import session from '@fastify/session'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ObjectId } from 'mongodb'
import { GuichetError } from '../../src/errors.ts'
import { toSessionCookie } from '../../src/http/session-cookie.ts'
import { createSecret, hashSecret } from '../../src/secrets.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What flows are bound to; the session id itself stays in the cookie. */
    sessionHash(): string
    /** @throws GuichetError `unauthenticated` */
    requireUserId(): ObjectId
    /** Signs the user in on a new session: the id that came with the request is dead from here on. */
    startSessionOf(userId: ObjectId): Promise<void>
    /** Ends the session for good, here and in the browser. */
    endSession(reply: FastifyReply): Promise<void>
  }
}

/** Of one browser's sign-ins in a row, so many are remembered. */
const maxEarlier = 10

/** The browser's session. It is registered for this door alone: it costs every request. */
export default fp(
  async function browserSession(app) {
    const { publicUrl, sessionSecrets, session: limits } = app.config
    const { name: cookieName, options: cookieOptions } = toSessionCookie(publicUrl)

    // For the API's description; a route without a session says so itself.
    app.addHook('onRoute', ({ schema }) => {
      if (schema) schema.security ??= [{ session: [] }]
    })
    app.addHook('onRequest', app.readiness.requirePrepared)
    await app.register(fastifyCookie)
    // Of two cookies with one name, one was planted: neither counts.
    app.addHook('onRequest', (request, _reply, done) => {
      const names = request.headers.cookie?.split(';').map(pair => pair.split('=', 1)[0]?.trim()) ?? []
      if (names.indexOf(cookieName) !== names.lastIndexOf(cookieName)) delete request.cookies[cookieName]
      done()
    })
    // A cookie signed with an earlier secret is as good: the session plugin would take it for another's and clear it.
    if (sessionSecrets.length > 1) {
      const signer = new fastifyCookie.Signer(sessionSecrets)
      app.addHook('onRequest', async request => {
        const { valid, renew, value } = signer.unsign(request.cookies[cookieName] ?? '')
        if (valid && renew) request.cookies[cookieName] = signer.sign(value)
      })
    }
    await app.register(session, {
      store: app.sessions,
      secret: sessionSecrets,
      cookieName,
      idGenerator: createSecret,
      // Only sign-in and a first start make a session; reading one never writes it back.
      saveUninitialized: false,
      rolling: false,
      // The plugin compares its path with URLs that no longer have PUBLIC_URL's in them: it is set on each session instead.
      cookie: { ...cookieOptions, path: '/', maxAge: limits.maxSeconds * 1000 }
    })
    if (cookieOptions.path !== '/')
      app.addHook('onRequest', async ({ session }) => session.options({ path: cookieOptions.path }))
    // The session plugin would clear a cookie of no session: a request that was under way at a sign-in would take the new one
    // away. And it clears without Secure and PUBLIC_URL's path.
    app.addHook('onRequest', (request, _reply, done) => {
      if (request.cookies[cookieName] !== request.session.encryptedSessionId) delete request.cookies[cookieName]
      done()
    })
    app.addHook('onRequest', (request, _reply, done) => {
      // Else the cookie would silently never be set: the proxy must be in TRUST_PROXY and say how the browser came.
      const isReached = !cookieOptions.secure || request.protocol === 'https'
      const detail = 'This server is reached over https only: check TRUST_PROXY and X-Forwarded-Proto.'
      done(isReached ? undefined : new GuichetError('invalid_request', { detail }))
    })

    app.decorateRequest('sessionHash', function (this: FastifyRequest) {
      return hashSecret(this.session.sessionId)
    })
    app.decorateRequest('requireUserId', function (this: FastifyRequest) {
      const { _id } = this.session
      if (!_id) throw new GuichetError('unauthenticated')
      return _id
    })
    app.decorateRequest('mayUse', function ({ userId }) {
      return this.session._id?.equals(userId) ?? false
    })
    app.decorateRequest('isStillKnown', async function (this: FastifyRequest) {
      return app.sessions.isLive(this.session.sessionId, this.requireUserId())
    })
    app.decorateRequest('startSessionOf', async function (this: FastifyRequest, userId: ObjectId) {
      const replaced = this.sessionHash()
      // Those of another user end here.
      const before = this.session._id?.equals(userId) ? (this.session.earlier ?? []) : []
      await this.session.regenerate()
      this.session._id = userId
      // Saved when the answer is sent, so that no cookie goes out for a session that could not be stored.
      this.session.earlier = [replaced, ...before].slice(0, maxEarlier)
    })
    app.decorateRequest('endSession', async function (this: FastifyRequest, reply: FastifyReply) {
      // First: a sign-in under way in this session must not replace it.
      await app.flows.removeTaken(this.sessionHash())
      await this.session.destroy()
      reply.clearCookie(cookieName, cookieOptions)
    })
  },
  { name: 'browser-session', fastify: '5.x', dependencies: ['sessions', 'flows', 'connections', 'readiness'] }
)
