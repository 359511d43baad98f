import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { ConnectionParams } from '../../src/http/views/connection.ts'
import { problemResponses } from '../../src/http/views/problem.ts'

/** The mailbox's labels. */
const labels: FastifyPluginAsyncZod = async app => {
  app.route({
    method: 'GET',
    url: '/labels',
    config: { service: 'gmail', use: 'read' },
    schema: {
      operationId: 'listLabels',
      tags: ['gmail'],
      summary: 'Its labels',
      params: ConnectionParams,
      response: { 200: z.looseObject({}).describe("Gmail's own resource."), ...problemResponses }
    },
    handler: ({ mailbox }) =>
      mailbox.gmail.call('labels.list', (users, options) => users.labels.list({ userId: 'me' }, options)) as Promise<
        Record<string, unknown>
      >
  })
}

export default labels
