import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { toPagePolicy } from '../../src/http/html.ts'

const web = join(import.meta.dirname, '../../web')
const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8'
}
const files = ['index.html', 'frame.css', 'page.css', 'page.js', 'api.js', 'elements.js', 'mail.js']
const policy = toPagePolicy("script-src 'self'", "connect-src 'self'", "form-action 'self'")

/** The hosted page "Connected accounts": static, it does everything through the API. */
const page: FastifyPluginAsyncZod = async app => {
  for (const file of files) {
    const content = await readFile(join(web, file))
    app.route({
      method: 'GET',
      url: file === 'index.html' ? '/' : `/${file}`,
      schema: { hide: true },
      handler: async (_request, reply) =>
        reply
          .type(types[extname(file)] ?? '')
          .header('content-security-policy', policy)
          .header('cache-control', 'no-cache')
          .send(content)
    })
  }
}

export default page
