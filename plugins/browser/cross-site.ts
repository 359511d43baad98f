import cors from '@fastify/cors'
import fp from 'fastify-plugin'
import { GuichetError } from '../../src/errors.ts'

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Which other origins may use a user's session: those of ALLOWED_ORIGINS and no other, to read and to write. */
export default fp(
  async function crossSite(app) {
    const { allowedOrigins, publicUrl } = app.config
    const listed = new Set(allowedOrigins)

    await app.register(cors, {
      // Given the list, the plugin would say to every origin that credentials are taken.
      origin: (origin, callback) => callback(null, origin !== undefined && listed.has(origin) ? origin : false),
      credentials: true,
      methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
      maxAge: 600,
      strictPreflight: false
    })

    // Sec-Fetch-Site cannot be set by a page; Origin decides for browsers without it; with neither it is no browser.
    app.addHook('onRequest', async ({ method, headers: { 'sec-fetch-site': site, origin } }) => {
      if (safeMethods.has(method)) return
      const fromListed = origin !== undefined && listed.has(origin)
      if (
        site !== undefined
          ? site === 'same-origin' || fromListed
          : origin === undefined || origin === publicUrl.origin || fromListed
      )
        return
      throw new GuichetError('cross_site')
    })
  },
  { name: 'cross-site', fastify: '5.x' }
)
