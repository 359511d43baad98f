import cors from '@fastify/cors'
import fp from 'fastify-plugin'
import { exposedHeaders, noteOrigin } from '../src/http/cross-origin.ts'

/**
 * Which other origins may read our answers: those of ALLOWED_ORIGINS, with credentials, and no other. Whatever may refuse
 * a request comes after this, so that a page is told why.
 */
export default fp(
  async function crossOrigin(app) {
    const listed = new Set(app.config.allowedOrigins)
    await app.register(cors, {
      // Given the list, the plugin would say to every origin that credentials are taken.
      origin: (origin, callback) => callback(null, origin !== undefined && listed.has(origin) ? origin : false),
      credentials: true,
      methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
      exposedHeaders,
      maxAge: 600,
      strictPreflight: false
    })
    if (listed.size === 0) return
    app.addHook('onRequest', async ({ raw, headers }) => noteOrigin(raw.socket, headers.origin))
    app.addHook('onResponse', async ({ raw }) => noteOrigin(raw.socket, undefined))
  },
  { name: 'cross-origin', fastify: '5.x', dependencies: ['hardening'] }
)
