import helmet from '@fastify/helmet'
import fp from 'fastify-plugin'

/** What every answer carries, whichever door it goes out by. */
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
  },
  { name: 'hardening', fastify: '5.x' }
)
