import { Readable } from 'node:stream'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { attachmentHeaders } from '../../src/http/attachment-headers.ts'
import { MessageParams, PartId } from '../../src/http/gmail.ts'
import { problemResponses } from '../../src/http/views/problem.ts'
import { openRaw } from '../../src/services/gmail/raw.ts'

/** An attachment goes as fast as its reader takes it: 25 MB at 1 Mbit/s. */
const readerTimeoutMs = 300_000
const AttachmentParams = MessageParams.extend({ partId: PartId })
const AttachmentQuery = z.strictObject({
  disposition: z
    .enum(['attachment', 'inline'])
    .default('attachment')
    .describe('`inline` works for pictures, sound, video and PDF.')
})

/** Files in mails, and mails as files. */
const attachments: FastifyPluginAsyncZod = async app => {
  const tags = ['gmail']

  app.route({
    method: 'GET',
    url: '/messages/:messageId/attachments/:partId',
    config: { service: 'gmail', use: 'read' },
    handlerTimeout: readerTimeoutMs,
    schema: {
      operationId: 'getAttachment',
      tags,
      summary: "An attachment's bytes",
      produces: ['application/octet-stream'],
      params: AttachmentParams,
      querystring: AttachmentQuery,
      response: { 200: z.any(), ...problemResponses }
    },
    handler: async ({ mailbox, params: { id, messageId, partId }, query }, reply) => {
      const from = { gmail: mailbox.gmail, connectionId: id }
      const { bytes, ...file } = await app.attachments.open(from, messageId, partId)
      reply.headers(attachmentHeaders(file, query.disposition === 'inline'))
      return reply.send(Buffer.isBuffer(bytes) ? bytes : Readable.from(bytes))
    }
  })

  app.route({
    method: 'GET',
    url: '/messages/:messageId/raw',
    config: { service: 'gmail', use: 'read' },
    handlerTimeout: readerTimeoutMs,
    schema: {
      operationId: 'getRawMessage',
      tags,
      summary: 'The mail as it was sent',
      produces: ['message/rfc822'],
      params: MessageParams,
      response: { 200: z.any(), ...problemResponses }
    },
    handler: async ({ mailbox, params: { messageId } }, reply) => {
      const bytes = await openRaw(mailbox.gmail, messageId)
      reply.headers(attachmentHeaders({ filename: `${messageId}.eml`, mimeType: 'message/rfc822' }))
      return reply.send(Readable.from(bytes))
    }
  })
}

export default attachments
