import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { ConnectionParams } from '../../src/http/views/connection.ts'
import { problemResponses } from '../../src/http/views/problem.ts'

/** The mailbox itself. */
const profile: FastifyPluginAsyncZod = async app => {
  app.route({
    method: 'GET',
    url: '/profile',
    config: { service: 'gmail', use: 'read' },
    schema: {
      operationId: 'getProfile',
      tags: ['gmail'],
      summary: "The mailbox's address and totals",
      params: ConnectionParams,
      response: { 200: z.looseObject({}).describe("Gmail's own resource."), ...problemResponses }
    },
    handler: ({ mailbox }) =>
      mailbox.gmail.call('getProfile', (users, options) => users.getProfile({ userId: 'me' }, options)) as Promise<
        Record<string, unknown>
      >
  })
}

export default profile
