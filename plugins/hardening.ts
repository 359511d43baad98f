import helmet from '@fastify/helmet'
import rateLimit, { type RateLimitPluginOptions } from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { GuichetError } from '../src/errors.ts'
import { rateLimitKey } from '../src/http/rate-limit-key.ts'
import { createRateLimitStore } from '../src/http/rate-limit-store.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Route config: starts and callbacks are counted together, per address and process. */
    limitStarts: { max: number; groupId: string } | false
  }
}

/** What every answer carries and every request is held to, whichever door it comes by. */
export default fp(
  async function hardening(app) {
    await app.register(helmet, {
      contentSecurityPolicy: {
        useDefaults: false,
        directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"] }
      },
      referrerPolicy: { policy: 'no-referrer' },
      strictTransportSecurity: { maxAge: 31_536_000, includeSubDomains: false }
    })
    // Nothing here is for a cache, unless its route says so.
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store')
    })
    // JSON is UTF-8 (RFC 8259, section 8.1): whoever announces another reading may be read otherwise by what is in front.
    app.addHook('onRequest', async ({ headers: { 'content-type': type = '' } }) => {
      const [, charset = 'utf-8'] = /charset\s*=\s*"?([^\s;"]*)/i.exec(type) ?? []
      if (!/^utf-8$/i.test(charset)) throw new GuichetError('unsupported_media_type')
    })
    // A text/plain body would reach JSON routes, and browsers send it across sites without asking first.
    app.removeContentTypeParser('text/plain')

    const { startsPerMinute } = app.config.rateLimit
    const limitStarts: FastifyInstance['limitStarts'] = startsPerMinute > 0 && {
      max: startsPerMinute,
      groupId: 'starts'
    }
    app.decorate('limitStarts', limitStarts as { max: number; groupId: string })
    const store = createRateLimitStore(app.clock)
    await app.register(rateLimit, {
      global: false,
      // The plugin wants something that it can call with `new`.
      store: function SharedStore() {
        return store
      } as unknown as NonNullable<RateLimitPluginOptions['store']>,
      timeWindow: 60_000,
      keyGenerator: request => rateLimitKey(request.ip),
      errorResponseBuilder: (_request, { ttl }) =>
        new GuichetError('rate_limited', { retryAfterSeconds: Math.ceil(ttl / 1000) })
    })
  },
  { name: 'hardening', fastify: '5.x' }
)
