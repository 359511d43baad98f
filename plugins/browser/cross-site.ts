import fp from 'fastify-plugin'
import { GuichetError } from '../../src/errors.ts'

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Which pages may change something in a user's session: our own, and those of ALLOWED_ORIGINS. */
export default fp(
  async function crossSite(app) {
    const { allowedOrigins, publicUrl } = app.config
    const listed = new Set(allowedOrigins)

    // Sec-Fetch-Site cannot be set by a page; Origin decides for browsers without it; with neither it is no browser.
    app.addHook('onRequest', ({ method, headers: { 'sec-fetch-site': site, origin } }, _reply, done) => {
      const fromListed = origin !== undefined && listed.has(origin)
      const isAllowed =
        safeMethods.has(method) ||
        (site !== undefined
          ? site === 'same-origin' || fromListed
          : origin === undefined || origin === publicUrl.origin || fromListed)
      done(isAllowed ? undefined : new GuichetError('cross_site'))
    })
  },
  { name: 'cross-site', fastify: '5.x' }
)
