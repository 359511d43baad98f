import helmet from '@fastify/helmet'
import fp from 'fastify-plugin'
import { GuichetError } from '../src/errors.ts'

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
  },
  { name: 'hardening', fastify: '5.x' }
)
