import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendPage } from '../../src/http/pages/frame.ts'
import { toPopupOutcome, toPopupPage } from '../../src/http/pages/popup.ts'
import { readerOf } from '../../src/http/pages/words.ts'
import { problemResponses } from '../../src/http/views/problem.ts'

/** The parameters that a flow's end adds; all others are ignored. */
const Query = z.object({
  to: z.string().max(300).optional(),
  status: z.string().max(100).optional(),
  connection: z.string().max(100).optional()
})

/**
 * Where a flow in a popup ends. Its script tells the page that opened it how it went, and closes the popup: a code and
 * a connection's id, to exactly the origin named, which must be PUBLIC_URL's or one of ALLOWED_ORIGINS.
 */
const popup: FastifyPluginAsyncZod = async app => {
  const { publicUrl, allowedOrigins, brand } = app.config

  app.route({
    method: 'GET',
    url: '/popup',
    exposeHeadRoute: true,
    config: { mayPopUp: true },
    schema: { hide: true, security: [], querystring: Query, response: { 200: z.string(), ...problemResponses } },
    handler: async (request, reply) => {
      const { to, status, connection } = request.query
      const known = [publicUrl.origin, ...allowedOrigins].find(origin => origin === to)
      const reader = readerOf(request)
      return sendPage(reply, toPopupPage(known, toPopupOutcome(status, connection), reader), reader, brand)
    }
  })
}

export default popup
