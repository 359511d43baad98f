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

export default fp(
  async function rateLimits(app) {
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
  { name: 'rate-limits', fastify: '5.x' }
)
