import fp from 'fastify-plugin'
import { GuichetError } from '../src/errors.ts'

/** What a body may be: JSON. A route that takes another kind adds its parser itself. */
export default fp(
  async function bodies(app) {
    // JSON is UTF-8 (RFC 8259, section 8.1): a body that announces another charset may be read otherwise by a proxy in front.
    app.addHook('onRequest', ({ headers: { 'content-type': type = '' } }, _reply, done) => {
      const [, charset = 'utf-8'] = /charset\s*=\s*"?([^\s;"]*)/i.exec(type) ?? []
      done(/^utf-8$/i.test(charset) ? undefined : new GuichetError('unsupported_media_type'))
    })
    // A text/plain body would reach JSON routes, and browsers send it across sites without asking first.
    app.removeContentTypeParser(['text/plain', 'application/json'])
    // Many clients announce JSON with every request: an empty body counts as no body. White space alone is not JSON (RFC 8259, section 2).
    const parse = app.getDefaultJsonParser('error', 'error')
    app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body: string, done) => {
      if (body === '') done(null, undefined)
      else parse(request, body, done)
    })
  },
  { name: 'bodies', fastify: '5.x', dependencies: ['cross-origin'] }
)
