import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { GmailId, GoogleResource, ListQuery, MessageParams, maxExpanded, ViewQuery } from '../../src/http/gmail.ts'
import { sendItems, sendJson, sendMail } from '../../src/http/json-replies.ts'
import { toReadOptions } from '../../src/http/read-options.ts'
import { ConnectionParams } from '../../src/http/views/connection.ts'
import { problemResponses } from '../../src/http/views/problem.ts'
import { asItIs } from '../../src/services/gmail/as-it-is.ts'
import type { Gmail } from '../../src/services/gmail/client.ts'
import { expand, listMessages } from '../../src/services/gmail/list.ts'
import { readMessage, readMessageSummary } from '../../src/services/gmail/read.ts'
import { FailedItem, MessageSummary, MessageView } from '../../src/services/gmail/views.ts'

const MessageRef = z.object({ id: z.string(), threadId: z.string() })
const Item = z.union([MessageView, MessageSummary, FailedItem, MessageRef])
const Page = z.object({ items: z.array(Item), nextPageToken: z.string().nullable() })
const Items = z.object({ items: z.array(Item), nextPageToken: z.null() })
const KnownIds = z.strictObject({
  ids: z.array(GmailId).min(1).max(maxExpanded),
  view: z.enum(['summary', 'full']).default('summary')
})

const readAs = (gmail: Gmail, view: 'summary' | 'full') => (id: string) =>
  view === 'full' ? readMessage(gmail, id) : readMessageSummary(gmail, id)

/** Mails, read. */
const messages: FastifyPluginAsyncZod = async app => {
  const tags = ['gmail']

  app.route({
    method: 'GET',
    url: '/messages',
    config: { service: 'gmail', use: 'read' },
    schema: {
      operationId: 'listMessages',
      tags,
      summary: 'Messages, newest first: their ids, or each with its view',
      description:
        'There is no total: Gmail does not know one. A message that fails stands in its place with its error.',
      params: ConnectionParams,
      querystring: ListQuery,
      response: { 200: Page, ...problemResponses }
    },
    handler: async ({ mailbox, query }, reply) => {
      const { gmail } = mailbox
      const labelIds = await app.labels.find(mailbox, query.labelIds ?? [], '/querystring/labelIds')
      const page = await listMessages(gmail, { ...query, labelIds })
      if (query.view === 'ids') return page
      const ids = page.items.map(({ id }) => id)
      return sendItems(reply, expand(ids, readAs(gmail, query.view)), page.nextPageToken)
    }
  })

  app.route({
    method: 'POST',
    url: '/messages/get',
    config: { service: 'gmail', use: 'read' },
    schema: {
      operationId: 'getMessages',
      tags,
      summary: `Up to ${maxExpanded} messages that are known by id`,
      params: ConnectionParams,
      body: KnownIds,
      response: { 200: Items, ...problemResponses }
    },
    handler: ({ mailbox: { gmail }, body: { ids, view } }, reply) =>
      sendItems(reply, expand(ids, readAs(gmail, view)), null)
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
      querystring: ViewQuery,
      response: { 200: z.union([MessageView, GoogleResource]), ...problemResponses }
    },
    handler: async (request, reply) => {
      const { gmail } = request.mailbox
      const { messageId: id } = request.params
      const { format, headers = [] } = request.query
      if (format === undefined) {
        const { htmlToText, config } = app
        const options = toReadOptions(request.query, { htmlToText, publicUrl: config.publicUrl, url: request.url })
        return sendMail(reply, await readMessage(gmail, id, options))
      }
      const answer = await gmail.call(
        'messages.get',
        (users, options) =>
          users.messages.get(
            { userId: 'me', id, format, ...(format === 'metadata' && { metadataHeaders: headers }) },
            options
          ),
        { stream: true }
      )
      return sendJson(reply, await asItIs(answer))
    }
  })
}

export default messages
