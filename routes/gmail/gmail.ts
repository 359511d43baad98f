import { Readable } from 'node:stream'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { ConnectionParams, problemResponses } from '../../src/http/schemas.ts'

// Google's ids go into the path of a call to Google: nothing but their own letters may come in.
const GmailId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be an id of Gmail')
const AttachmentId = z.string().regex(/^[A-Za-z0-9_-]{1,1024}$/, 'must be an id of Gmail')
const LabelId = z.string().regex(/^[A-Za-z0-9_-]{1,100}$/, 'must be an id of a label')
const Labels = z.array(LabelId).max(100)
/** An attachment goes as fast as its reader takes it: 25 MB at 1 Mbit/s. */
const readerTimeoutMs = 300_000

const MessageParams = ConnectionParams.extend({ messageId: GmailId })
const AttachmentParams = MessageParams.extend({ attachmentId: AttachmentId })
const ThreadParams = ConnectionParams.extend({ threadId: GmailId })

const ListQuery = z.strictObject({
  q: z
    .string()
    .max(2000)
    .regex(/^\P{Cc}*$/u, 'must hold no control characters')
    .optional()
    .describe("Gmail's search language."),
  labelIds: z.union([LabelId.transform(id => [id]), Labels]).optional(),
  maxResults: z.coerce.number().int().min(1).max(500).optional(),
  pageToken: z
    .string()
    .regex(/^[A-Za-z0-9_=+/-]{1,512}$/, 'must be a page token of Gmail')
    .optional()
})
const ThreadQuery = z.strictObject({ format: z.enum(['metadata', 'full']).default('full') })
const MessageQuery = z.strictObject({ format: z.enum(['metadata', 'full', 'raw']).default('full') })
const LabelChange = z.strictObject({ addLabelIds: Labels.optional(), removeLabelIds: Labels.optional() })
const BatchChange = LabelChange.extend({ ids: z.array(GmailId).min(1).max(1000) })

/** Google's resource, handed on as it is: https://developers.google.com/workspace/gmail/api/reference/rest */
const Resource = z.looseObject({}).describe("Gmail's own resource.")

/** A mailbox through its connection. Who may reach the connection is the folder's affair that these routes stand in. */
export const gmailRoutes: FastifyPluginAsyncZod = async app => {
  const { useMailbox } = app.connections
  const answers = { 200: Resource, ...problemResponses }
  const tags = ['gmail']

  app.route({
    method: 'GET',
    url: '/profile',
    config: { operation: 'gmail:read' },
    schema: { tags, summary: "The mailbox's address and totals", params: ConnectionParams, response: answers },
    handler: async request =>
      useMailbox(await request.requireConnection(request.params.id), 'read', mailbox => mailbox.profile())
  })

  app.route({
    method: 'GET',
    url: '/labels',
    config: { operation: 'gmail:read' },
    schema: { tags, summary: 'Its labels', params: ConnectionParams, response: answers },
    handler: async request =>
      useMailbox(await request.requireConnection(request.params.id), 'read', mailbox => mailbox.labels())
  })

  app.route({
    method: 'GET',
    url: '/messages',
    config: { operation: 'gmail:read' },
    schema: {
      tags,
      summary: 'Ids of messages, newest first',
      params: ConnectionParams,
      querystring: ListQuery,
      response: answers
    },
    handler: async request =>
      useMailbox(await request.requireConnection(request.params.id), 'read', mailbox => mailbox.messages(request.query))
  })

  app.route({
    method: 'GET',
    url: '/messages/:messageId',
    config: { operation: 'gmail:read' },
    schema: { tags, summary: 'One message', params: MessageParams, querystring: MessageQuery, response: answers },
    handler: async request => {
      const { id, messageId } = request.params
      return useMailbox(await request.requireConnection(id), 'read', mailbox =>
        mailbox.message(messageId, request.query.format)
      )
    }
  })

  app.route({
    method: 'GET',
    url: '/messages/:messageId/attachments/:attachmentId',
    config: { operation: 'gmail:read' },
    handlerTimeout: readerTimeoutMs,
    schema: {
      tags,
      summary: "An attachment's bytes",
      produces: ['application/octet-stream'],
      params: AttachmentParams,
      response: { 200: z.any(), ...problemResponses }
    },
    handler: async (request, reply) => {
      const { id, messageId, attachmentId } = request.params
      const connection = await request.requireConnection(id)
      const bytes = await useMailbox(connection, 'read', mailbox => mailbox.attachment(messageId, attachmentId))
      // Someone else's file: a browser must neither guess its type nor show it as ours.
      reply.header('content-disposition', 'attachment').type('application/octet-stream')
      return reply.send(Readable.from(bytes))
    }
  })

  app.route({
    method: 'GET',
    url: '/threads',
    config: { operation: 'gmail:read' },
    schema: { tags, summary: 'Ids of threads', params: ConnectionParams, querystring: ListQuery, response: answers },
    handler: async request =>
      useMailbox(await request.requireConnection(request.params.id), 'read', mailbox => mailbox.threads(request.query))
  })

  app.route({
    method: 'GET',
    url: '/threads/:threadId',
    config: { operation: 'gmail:read' },
    schema: {
      tags,
      summary: 'One thread with its messages',
      params: ThreadParams,
      querystring: ThreadQuery,
      response: answers
    },
    handler: async request => {
      const { id, threadId } = request.params
      return useMailbox(await request.requireConnection(id), 'read', mailbox =>
        mailbox.thread(threadId, request.query.format)
      )
    }
  })

  app.route({
    method: 'POST',
    url: '/messages/:messageId/modify',
    config: { operation: 'gmail:modify' },
    schema: { tags, summary: 'Add and remove labels', params: MessageParams, body: LabelChange, response: answers },
    handler: async request => {
      const { id, messageId } = request.params
      return useMailbox(await request.requireConnection(id), 'modify', mailbox =>
        mailbox.modify(messageId, request.body)
      )
    }
  })

  app.route({
    method: 'POST',
    url: '/messages/batchModify',
    config: { operation: 'gmail:modify' },
    schema: {
      tags,
      summary: 'Add and remove labels of up to 1000 messages',
      params: ConnectionParams,
      body: BatchChange,
      response: { 204: z.null(), ...problemResponses }
    },
    handler: async (request, reply) => {
      const { ids, ...change } = request.body
      await useMailbox(await request.requireConnection(request.params.id), 'modify', mailbox =>
        mailbox.batchModify(ids, change)
      )
      return reply.code(204).send(null)
    }
  })

  for (const action of ['trash', 'untrash'] as const) {
    app.route({
      method: 'POST',
      url: `/messages/:messageId/${action}`,
      config: { operation: 'gmail:modify' },
      schema: {
        tags,
        summary: `Move a message ${action === 'trash' ? 'to' : 'out of'} the trash`,
        params: MessageParams,
        response: answers
      },
      handler: async request => {
        const { id, messageId } = request.params
        return useMailbox(await request.requireConnection(id), 'modify', mailbox => mailbox[action](messageId))
      }
    })
  }
}
