import fp from 'fastify-plugin'
import { type Attachments, createAttachments } from '../src/services/gmail/attachments.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Files in mails, by the part they are. */
    attachments: Attachments
  }
}

export default fp(
  async function attachments(app) {
    app.decorate('attachments', createAttachments({ nowMs: () => app.clock.nowMs() }))
  },
  { name: 'attachments', fastify: '5.x' }
)
