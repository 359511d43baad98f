import { Readable } from 'node:stream'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { MessageParams } from '../../src/http/gmail.ts'
import { problemResponses } from '../../src/http/views/problem.ts'
import { attachmentBytes } from '../../src/services/gmail/attachment.ts'

/** An attachment goes as fast as its reader takes it: 25 MB at 1 Mbit/s. */
const readerTimeoutMs = 300_000
const AttachmentParams = MessageParams.extend({
  attachmentId: z.string().regex(/^[A-Za-z0-9_-]{1,1024}$/, 'must be an id of Gmail')
})

/** Files in mails. */
const attachments: FastifyPluginAsyncZod = async app => {
  app.route({
    method: 'GET',
    url: '/messages/:messageId/attachments/:attachmentId',
    config: { service: 'gmail', use: 'read' },
    handlerTimeout: readerTimeoutMs,
    schema: {
      operationId: 'getAttachment',
      tags: ['gmail'],
      summary: "An attachment's bytes",
      produces: ['application/octet-stream'],
      params: AttachmentParams,
      response: { 200: z.any(), ...problemResponses }
    },
    handler: async ({ mailbox, params }, reply) => {
      const answer = await mailbox.gmail.call(
        'messages.attachments.get',
        (users, options) =>
          users.messages.attachments.get(
            { userId: 'me', messageId: params.messageId, id: params.attachmentId },
            options
          ),
        { stream: true }
      )
      // Someone else's file: a browser must neither guess its type nor show it as ours.
      reply.header('content-disposition', 'attachment').type('application/octet-stream')
      return reply.send(Readable.from(attachmentBytes(answer)))
    }
  })
}

export default attachments
