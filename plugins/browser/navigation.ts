import accepts from '@fastify/accepts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { urlUnder } from '../../src/config/public-url.ts'
import { isErrorCode } from '../../src/errors.ts'
import { sendPage } from '../../src/http/pages/frame.ts'
import { toLeavingPage } from '../../src/http/pages/ticket.ts'
import { readerOf } from '../../src/http/pages/words.ts'
import { toGuichetError } from '../../src/http/problem.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Starts and callbacks: a browser that navigates here gets a 303, whatever happens. */
    navigable?: boolean
  }
  interface FastifyRequest {
    /** Where a navigation ends; set once the flow is known. */
    returnTo: string | null
    /** Whether this is a browser going somewhere, and not a program asking. */
    isNavigation(): boolean
  }
  interface FastifyReply {
    /** Sends the browser on to the navigation's end, with nothing in the query but these. */
    returnWith(query: Record<string, string>): FastifyReply
    /** Sends the browser on: by a 303, or from a form by a page that goes on by itself. */
    leaveFor(url: string): FastifyReply
  }
}

/** One rule for starts and callbacks: who prefers HTML is navigating and gets a 303; everyone else gets JSON. */
export default fp(
  async function navigation(app) {
    const { publicUrl, allowedOrigins, brand } = app.config
    await app.register(accepts)

    // A browser that only looks ahead must not use a callback up, nor begin anything.
    app.addHook('onRequest', ({ method, headers, routeOptions }, reply, done) => {
      if (method === 'GET' && routeOptions.config.navigable && isLookingAhead(headers)) reply.code(204).send()
      else done()
    })

    app.decorateRequest('returnTo', null)
    app.decorateRequest('isNavigation', function (this: FastifyRequest) {
      return this.accepts().type(['json', 'html']) === 'html'
    })
    app.decorateReply('returnWith', function (this: FastifyReply, query: Record<string, string>) {
      const url = this.request.returnTo === null ? urlUnder(publicUrl, '/') : new URL(this.request.returnTo, publicUrl)
      // The page it leads back to may still carry an earlier outcome in its query.
      const earlier = url.searchParams.get('status') ?? ''
      if (query.status || earlier === 'connected' || isErrorCode(earlier)) {
        for (const name of ['status', 'connection']) url.searchParams.delete(name)
      }
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
      const location = url.origin === publicUrl.origin ? url.href.slice(url.origin.length) : url.href
      return this.leaveFor(location)
    })
    app.decorateReply('leaveFor', function (this: FastifyReply, url: string) {
      const { request } = this
      if (request.method !== 'POST' || !request.isNavigation()) return this.redirect(url, 303)
      // Where the app wants the user back is its own affair; everything else that leaves for another origin is Google.
      const isToGoogle = URL.canParse(url) && !allowedOrigins.includes(new URL(url).origin)
      return sendPage(this.code(200), toLeavingPage(url, isToGoogle, readerOf(request)), readerOf(request), brand)
    })

    app.setErrorHandler((error, request, reply) => {
      // A session that could not be stored would be tried again behind this answer, and its cookie sent with a 503.
      if (toGuichetError(error).status >= 500) request.session = Object.create(null)
      // Thrown on as an Error, whatever it was: Fastify would send a thrown text as the answer.
      if (!request.routeOptions.config.navigable || !request.isNavigation()) throw toGuichetError(error)
      const { code, status } = toGuichetError(error)
      request.log[status >= 500 ? 'error' : 'info']({ err: error, code }, 'a navigation failed')
      return reply.returnWith({ status: code })
    })
  },
  { name: 'navigation', fastify: '5.x' }
)

/** The headers by which browsers of all ages say so: Chromium's and Safari's, and Firefox' before 102. */
const purposes = ['sec-purpose', 'purpose', 'x-purpose', 'x-moz']

function isLookingAhead(headers: FastifyRequest['headers']): boolean {
  return purposes.some(
    name => headers[name] !== undefined && /prefetch|prerender|preview|instant/i.test(String(headers[name]))
  )
}
