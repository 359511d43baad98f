import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

const web = join(import.meta.dirname, '../../web')
const files = [
  { url: '/', file: 'index.html', type: 'text/html; charset=utf-8' },
  { url: '/page.css', file: 'page.css', type: 'text/css; charset=utf-8' },
  { url: '/page.js', file: 'page.js', type: 'text/javascript; charset=utf-8' }
]
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'"
].join('; ')

/** The hosted page "Connected accounts": static, it does everything through the API. */
const page: FastifyPluginAsyncZod = async app => {
  for (const { url, file, type } of files) {
    const content = await readFile(join(web, file))
    app.route({
      method: 'GET',
      url,
      schema: { hide: true },
      handler: async (_request, reply) =>
        reply.type(type).header('content-security-policy', policy).header('cache-control', 'no-cache').send(content)
    })
  }
}

export default page
