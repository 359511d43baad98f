import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { GmailId, LabelId, MessageParams, PageToken } from '../../src/http/gmail.ts'
import { ConnectionParams } from '../../src/http/views/connection.ts'
import { problemResponses } from '../../src/http/views/problem.ts'

const Labels = z.array(LabelId).max(100)
export const ListQuery = z.strictObject({
  q: z
    .string()
    .max(2000)
    .regex(/^\P{Cc}*$/u, 'must hold no control characters')
    .optional()
    .describe("Gmail's search language."),
  labelIds: z.union([LabelId.transform(id => [id]), Labels]).optional(),
  maxResults: z.coerce.number().int().min(1).max(500).optional(),
  pageToken: PageToken.optional()
})
const MessageQuery = z.strictObject({ format: z.enum(['metadata', 'full', 'raw']).default('full') })
const LabelChange = z.strictObject({ addLabelIds: Labels.optional(), removeLabelIds: Labels.optional() })
const BatchChange = LabelChange.extend({ ids: z.array(GmailId).min(1).max(1000) })
type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }
const defined = <T extends object>(object: T): Defined<T> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>

/** Google's resource, handed on as it is: https://developers.google.com/workspace/gmail/api/reference/rest */
const Resource = z.looseObject({}).describe("Gmail's own resource.")
type Resource = Record<string, unknown>

/** Single mails. */
const messages: FastifyPluginAsyncZod = async app => {
  const answers = { 200: Resource, ...problemResponses }
  const tags = ['gmail']
  const me = 'me'

  app.route({
    method: 'GET',
    url: '/messages',
    config: { service: 'gmail', use: 'read' },
    schema: {
      operationId: 'listMessages',
      tags,
      summary: 'Ids of messages, newest first',
      params: ConnectionParams,
      querystring: ListQuery,
      response: answers
    },
    handler: ({ mailbox, query }) =>
      mailbox.gmail.call('messages.list', (users, options) =>
        users.messages.list({ userId: me, ...defined(query) }, options)
      ) as Promise<Resource>
  })

  app.route({
    method: 'GET',
    url: '/messages/:messageId',
    config: { service: 'gmail', use: 'read' },
    schema: {
      operationId: 'getMessage',
      tags,
      summary: 'One message',
      params: MessageParams,
      querystring: MessageQuery,
      response: answers
    },
    handler: ({ mailbox, params, query }) =>
      mailbox.gmail.call('messages.get', (users, options) =>
        users.messages.get({ userId: me, id: params.messageId, format: query.format }, options)
      ) as Promise<Resource>
  })

  app.route({
    method: 'POST',
    url: '/messages/:messageId/modify',
    config: { service: 'gmail', use: 'modify' },
    schema: {
      operationId: 'modifyMessage',
      tags,
      summary: 'Add and remove labels',
      params: MessageParams,
      body: LabelChange,
      response: answers
    },
    handler: ({ mailbox, params, body }) =>
      mailbox.gmail.call('messages.modify', (users, options) =>
        users.messages.modify({ userId: me, id: params.messageId, requestBody: defined(body) }, options)
      ) as Promise<Resource>
  })

  app.route({
    method: 'POST',
    url: '/messages/batchModify',
    config: { service: 'gmail', use: 'modify' },
    schema: {
      operationId: 'modifyMessages',
      tags,
      summary: 'Add and remove labels of up to 1000 messages',
      params: ConnectionParams,
      body: BatchChange,
      response: { 204: z.null(), ...problemResponses }
    },
    handler: async ({ mailbox, body: { ids, ...change } }, reply) => {
      await mailbox.gmail.call('messages.batchModify', (users, options) =>
        users.messages.batchModify({ userId: me, requestBody: { ids, ...defined(change) } }, options)
      )
      return reply.code(204).send(null)
    }
  })

  for (const action of ['trash', 'untrash'] as const) {
    app.route({
      method: 'POST',
      url: `/messages/:messageId/${action}`,
      config: { service: 'gmail', use: 'modify' },
      schema: {
        operationId: `${action}Message`,
        tags,
        summary: `Move a message ${action === 'trash' ? 'to' : 'out of'} the trash`,
        params: MessageParams,
        response: answers
      },
      handler: ({ mailbox, params }) =>
        mailbox.gmail.call(`messages.${action}`, (users, options) =>
          users.messages[action]({ userId: me, id: params.messageId }, options)
        ) as Promise<Resource>
    })
  }
}

export default messages
