import fp from 'fastify-plugin'
import { createHtmlToText, type ToText } from '../src/services/gmail/html-text.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Makes text of a mail's html, beside the main thread; null where it cannot be had in time. */
    htmlToText: ToText
  }
}

export default fp(
  async function htmlToText(app) {
    const { toText, close } = createHtmlToText()
    app.decorate('htmlToText', toText)
    app.addHook('onClose', close)
  },
  { name: 'html-to-text', fastify: '5.x' }
)
