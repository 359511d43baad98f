import type { IncomingMessage, ServerResponse } from 'node:http'
import fp from 'fastify-plugin'
import helmet, { type HelmetOptions } from 'helmet'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A page that may stand in a popup; starts and callbacks may anyway. */
    mayPopUp?: boolean
  }
}

const helmetOptions: HelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"] }
  },
  referrerPolicy: { policy: 'no-referrer' },
  strictTransportSecurity: { maxAge: 31_536_000, includeSubDomains: false }
}

/** What every answer carries, whichever door it goes out by. */
export default fp(
  async function hardening(app) {
    // Nothing here is for a cache, unless its route says so.
    const headers = { ...toHeaders(helmetOptions), 'cache-control': 'no-store' }
    // Helmet's same-origin would cut a popup off from the page that opened it, and a refusal by any later hook would too.
    const inPopup = { ...headers, 'cross-origin-opener-policy': 'unsafe-none' }
    app.addHook('onRequest', ({ routeOptions: { config } }, reply, done) => {
      reply.headers(config.navigable || config.mayPopUp ? inPopup : headers)
      done()
    })
  },
  { name: 'hardening', fastify: '5.x' }
)

/** Helmet's headers are the same for every answer: they are computed once. */
function toHeaders(options: HelmetOptions): Record<string, string> {
  const headers: Record<string, string> = {}
  const response = {
    setHeader: (name: string, value: string) => {
      headers[name.toLowerCase()] = value
    },
    removeHeader: () => {}
  }
  helmet(options)({} as IncomingMessage, response as unknown as ServerResponse, error => {
    if (error) throw error
  })
  return headers
}
