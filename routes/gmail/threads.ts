import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { ThreadParams } from '../../src/http/gmail.ts'
import { ConnectionParams } from '../../src/http/views/connection.ts'
import { problemResponses } from '../../src/http/views/problem.ts'
import { ListQuery } from './messages.ts'

const ThreadQuery = z.strictObject({ format: z.enum(['metadata', 'full']).default('full') })
const Resource = z.looseObject({}).describe("Gmail's own resource.")
type Resource = Record<string, unknown>

/** Conversations. */
const threads: FastifyPluginAsyncZod = async app => {
  app.route({
    method: 'GET',
    url: '/threads',
    config: { service: 'gmail', use: 'read' },
    schema: {
      operationId: 'listThreads',
      tags: ['gmail'],
      summary: 'Ids of threads',
      params: ConnectionParams,
      querystring: ListQuery,
      response: { 200: Resource, ...problemResponses }
    },
    handler: ({ mailbox, query: { q, labelIds, maxResults, pageToken } }) =>
      mailbox.gmail.call('threads.list', (users, options) =>
        users.threads.list(
          {
            userId: 'me',
            ...(q !== undefined && { q }),
            ...(labelIds && { labelIds }),
            ...(maxResults && { maxResults }),
            ...(pageToken && { pageToken })
          },
          options
        )
      ) as Promise<Resource>
  })

  app.route({
    method: 'GET',
    url: '/threads/:threadId',
    config: { service: 'gmail', use: 'read' },
    schema: {
      operationId: 'getThread',
      tags: ['gmail'],
      summary: 'One thread with its messages',
      params: ThreadParams,
      querystring: ThreadQuery,
      response: { 200: Resource, ...problemResponses }
    },
    handler: ({ mailbox, params, query }) =>
      mailbox.gmail.call('threads.get', (users, options) =>
        users.threads.get({ userId: 'me', id: params.threadId, format: query.format }, options)
      ) as Promise<Resource>
  })
}

export default threads
