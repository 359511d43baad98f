import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { newsKinds } from '../../src/connections/watch.ts'
import { LabelName } from '../../src/http/gmail.ts'
import { ConnectionParams } from '../../src/http/views/connection.ts'
import { problemResponses } from '../../src/http/views/problem.ts'
import { toWatchView, WatchView } from '../../src/http/views/watch.ts'

const Wishes = z.strictObject({
  events: z
    .array(z.enum(newsKinds))
    .min(1)
    .max(newsKinds.length)
    .default(['received'])
    .describe('Which events to send; by default only new mail.'),
  labelIds: z
    .array(LabelName)
    .max(20)
    .default([])
    .describe(
      'Only messages with one of these labels, each by its id or its name. Spam and bin are new mail only where they are named.'
    )
})

/** New mail as events: by push where it is set up, by polling everywhere. */
const watch: FastifyPluginAsyncZod = async app => {
  const tags = ['gmail']

  app.route({
    method: 'PUT',
    url: '/watch',
    config: { service: 'gmail', use: 'modify' },
    schema: {
      operationId: 'startWatch',
      tags,
      summary: 'Follow the mailbox from now on, or change what is told of it',
      params: ConnectionParams,
      body: z.preprocess(body => body ?? {}, Wishes),
      response: { 200: WatchView, ...problemResponses }
    },
    handler: async ({ mailbox, body: { events, labelIds } }) => {
      const wishes = { events, labelIds: await app.labels.find(mailbox, labelIds, '/body/labelIds') }
      return toWatchView(await app.watching.start(mailbox, wishes), app.databaseClock.nowMs())
    }
  })

  app.route({
    method: 'GET',
    url: '/watch',
    config: { service: 'gmail', use: 'read' },
    schema: {
      operationId: 'getWatch',
      tags,
      summary: 'How the mailbox is followed',
      params: ConnectionParams,
      response: { 200: WatchView, ...problemResponses }
    },
    handler: async ({ mailbox }) => toWatchView(mailbox.connection.watch, app.databaseClock.nowMs())
  })

  app.route({
    method: 'DELETE',
    url: '/watch',
    config: { service: 'gmail', use: 'modify' },
    schema: {
      operationId: 'stopWatch',
      tags,
      summary: 'Follow the mailbox no more',
      params: ConnectionParams,
      response: { 204: z.null(), ...problemResponses }
    },
    handler: async ({ mailbox }, reply) => {
      await app.watching.stop(mailbox)
      return reply.code(204).send(null)
    }
  })
}

export default watch
