import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { GoogleResource, LabelChange, ListQuery, ThreadParams, ViewQuery } from '../../src/http/gmail.ts'
import { sendItems, sendJson, sendMail } from '../../src/http/json-replies.ts'
import { toReadOptions } from '../../src/http/read-options.ts'
import { ConnectionParams } from '../../src/http/views/connection.ts'
import { problemResponses } from '../../src/http/views/problem.ts'
import { asItIs } from '../../src/services/gmail/as-it-is.ts'
import { expand, listThreads } from '../../src/services/gmail/list.ts'
import { readThread, readThreadSummary } from '../../src/services/gmail/read.ts'
import type { Thread } from '../../src/services/gmail/thread.ts'
import { FailedItem, ThreadSummary, ThreadView } from '../../src/services/gmail/views.ts'

const ThreadRef = z.object({ id: z.string() })
const Page = z.object({
  items: z.array(z.union([ThreadView, ThreadSummary, FailedItem, ThreadRef])),
  nextPageToken: z.string().nullable()
})
const Labelled = z.object({ id: z.string(), labelIds: z.array(z.string()).describe('Of any of its messages.') })
const toLabelled = ({ id, messages }: Thread) => ({
  id: id ?? '',
  labelIds: [...new Set((messages ?? []).flatMap(({ labelIds }) => labelIds ?? []))]
})

/** Conversations. */
const threads: FastifyPluginAsyncZod = async app => {
  const tags = ['gmail']
  const userId = 'me'

  app.route({
    method: 'GET',
    url: '/threads',
    config: { service: 'gmail', use: 'read' },
    schema: {
      operationId: 'listThreads',
      tags,
      summary: 'Threads, newest first: their ids, or each with its view',
      description:
        'There is no total: Gmail does not know one. A thread that fails stands in its place with its error.',
      params: ConnectionParams,
      querystring: ListQuery,
      response: { 200: Page, ...problemResponses }
    },
    handler: async ({ mailbox, query }, reply) => {
      const { gmail } = mailbox
      const labelIds = await app.labels.find(mailbox, query.labelIds ?? [], '/querystring/labelIds')
      const page = await listThreads(gmail, { ...query, labelIds })
      if (query.view === 'ids') return page
      const read = (id: string) => (query.view === 'full' ? readThread(gmail, id) : readThreadSummary(gmail, id))
      return sendItems(
        reply,
        expand(
          page.items.map(({ id }) => id),
          read
        ),
        page.nextPageToken
      )
    }
  })

  app.route({
    method: 'GET',
    url: '/threads/:threadId',
    config: { service: 'gmail', use: 'read' },
    schema: {
      operationId: 'getThread',
      tags,
      summary: 'One thread with its messages, oldest first, drafts among them',
      params: ThreadParams,
      querystring: ViewQuery,
      response: { 200: z.union([ThreadView, GoogleResource]), ...problemResponses }
    },
    handler: async (request, reply) => {
      const { gmail } = request.mailbox
      const { threadId: id } = request.params
      const { format, headers = [] } = request.query
      if (format === undefined) {
        const { htmlToText, config } = app
        const options = toReadOptions(request.query, { htmlToText, publicUrl: config.publicUrl, url: request.url })
        return sendMail(reply, await readThread(gmail, id, options))
      }
      const answer = await gmail.call(
        'threads.get',
        (users, options) =>
          users.threads.get(
            { userId, id, format, ...(format === 'metadata' && { metadataHeaders: headers }) },
            options
          ),
        { stream: true }
      )
      return sendJson(reply, await asItIs(answer))
    }
  })

  app.route({
    method: 'POST',
    url: '/threads/:threadId/modify',
    config: { service: 'gmail', use: 'modify' },
    schema: {
      operationId: 'modifyThread',
      tags,
      summary: 'Add and remove labels of all its messages',
      description: 'A message that comes later does not inherit them.',
      params: ThreadParams,
      body: LabelChange,
      response: { 200: Labelled, ...problemResponses }
    },
    handler: async ({ mailbox, params: { threadId: id }, body }) => {
      const send = { userId, id, requestBody: await app.labels.resolve(mailbox, body) }
      const options = { repeatable: true }
      return toLabelled(
        await mailbox.gmail.call('threads.modify', (users, call) => users.threads.modify(send, call), options)
      )
    }
  })

  for (const action of ['trash', 'untrash'] as const) {
    app.route({
      method: 'POST',
      url: `/threads/:threadId/${action}`,
      config: { service: 'gmail', use: 'modify' },
      schema: {
        operationId: `${action}Thread`,
        tags,
        summary: `Move a thread ${action === 'trash' ? 'to' : 'out of'} the bin`,
        params: ThreadParams,
        response: { 200: Labelled, ...problemResponses }
      },
      handler: async ({ mailbox, params: { threadId: id } }) =>
        toLabelled(
          await mailbox.gmail.call(`threads.${action}`, (users, call) => users.threads[action]({ userId, id }, call), {
            repeatable: true
          })
        )
    })
  }
}

export default threads
