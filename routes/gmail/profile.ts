import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { ConnectionParams } from '../../src/http/views/connection.ts'
import { problemResponses } from '../../src/http/views/problem.ts'
import { readAliases, readProfile } from '../../src/services/gmail/profile.ts'
import { AliasView, ProfileView } from '../../src/services/gmail/views.ts'

/** The mailbox itself, and the addresses it may send from. */
const profile: FastifyPluginAsyncZod = async app => {
  const tags = ['gmail']

  app.route({
    method: 'GET',
    url: '/profile',
    config: { service: 'gmail', use: 'read' },
    schema: {
      operationId: 'getProfile',
      tags,
      summary: "The mailbox's address and totals",
      params: ConnectionParams,
      response: { 200: ProfileView, ...problemResponses }
    },
    handler: ({ mailbox }) => readProfile(mailbox.gmail)
  })

  app.route({
    method: 'GET',
    url: '/aliases',
    config: { service: 'gmail', use: 'read' },
    schema: {
      operationId: 'listAliases',
      tags,
      summary: 'The addresses it may send from',
      params: ConnectionParams,
      response: { 200: z.object({ items: z.array(AliasView) }), ...problemResponses }
    },
    handler: async ({ mailbox }) => ({ items: await readAliases(mailbox.gmail) })
  })
}

export default profile
