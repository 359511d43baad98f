import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { isErrorCode } from '../../src/errors.ts'
import { readAsset, sendAsset } from '../../src/http/asset.ts'
import { escapeHtml, toDocument, toPagePolicy } from '../../src/http/html.ts'
import { problemResponses } from '../../src/http/views/problem.ts'

// What a flow's end adds to it, and what strangers may: only what is one of ours is handed on.
const Query = z.object({
  to: z.string().max(300).optional(),
  status: z.string().max(100).optional(),
  connection: z.string().max(100).optional()
})
const policy = toPagePolicy("script-src 'self'")

/**
 * Where a flow in a popup ends. Its script tells the page that opened it how it went, and closes the popup: a code and
 * a connection's id, to exactly the origin named, which must be PUBLIC_URL's or one of ALLOWED_ORIGINS.
 */
const popup: FastifyPluginAsyncZod = async app => {
  const { publicUrl, allowedOrigins } = app.config
  const script = readAsset('popup.js')

  app.route({
    method: 'GET',
    url: '/popup.js',
    schema: { hide: true },
    handler: async (request, reply) => sendAsset(request, reply, script)
  })

  app.route({
    method: 'GET',
    url: '/popup',
    schema: { hide: true, querystring: Query, response: { 200: z.string(), ...problemResponses } },
    handler: async ({ query }, reply) => {
      const to = [publicUrl.origin, ...allowedOrigins].find(origin => origin === query.to)
      const outcome = to === undefined ? undefined : toOutcome(query)
      return reply
        .type('text/html; charset=utf-8')
        .header('content-security-policy', policy)
        .header('cross-origin-opener-policy', 'unsafe-none')
        .serializer(String)
        .send(toDocument({ title: 'Back to the app', content: toContent(to, outcome) }))
    }
  })
}

/** A sign-in that went well has no status of its own. */
function toOutcome({ status = 'signed_in', connection }: z.infer<typeof Query>) {
  if (status === 'connected')
    return connection && /^[0-9a-f]{24}$/.test(connection) ? { status, connection } : undefined
  return status === 'signed_in' || isErrorCode(status) ? { status } : undefined
}

function toContent(to: string | undefined, outcome: object | undefined): string {
  const data = outcome
    ? `<div id="outcome" data-to="${escapeHtml(to ?? '')}" data-outcome="${escapeHtml(JSON.stringify(outcome))}"></div>
  <script type="module" src="/popup.js"></script>`
    : ''
  return `${data}<p>You can close this window and go back to the app.</p>`
}

export default popup
