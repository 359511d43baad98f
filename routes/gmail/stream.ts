import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { gmailReadonly, missingScopes } from '../../src/catalogue.ts'
import { GuichetError } from '../../src/errors.ts'
import { ConnectionParams } from '../../src/http/views/connection.ts'
import { toEventView } from '../../src/http/views/event.ts'
import { problemResponses } from '../../src/http/views/problem.ts'

/** It ends when its reader disconnects or may no longer read; Fastify's timer accepts no larger number. */
const noTimeoutMs = 2_147_483_647
const Headers = z.object({
  'last-event-id': z
    .string()
    .regex(/^\d{1,15}$/, "must be an event's number")
    .optional()
    .describe('The number of the last event received; browsers send it by themselves.')
})

/** What happens in the mailbox, for frontends. */
const stream: FastifyPluginAsyncZod = async app => {
  app.route({
    method: 'GET',
    url: '/stream',
    config: { service: 'gmail', use: 'read' },
    handlerTimeout: noTimeoutMs,
    schema: {
      operationId: 'streamEvents',
      tags: ['gmail'],
      summary: "The mailbox's events as Server-Sent Events, from now on or after Last-Event-ID",
      produces: ['text/event-stream'],
      params: ConnectionParams,
      headers: Headers,
      response: { 200: z.any().describe('Each `data` is an event; its `id` is its number.'), ...problemResponses }
    },
    handler: async (request, reply) => {
      const { connection } = request.mailbox
      if (connection.deadReason)
        throw new GuichetError('needs_reconnect', {
          reason: connection.deadReason,
          connectUrl: app.connectLinks.repair(connection)
        })
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      const lastEventId = request.headers['last-event-id']
      const events = app.eventStreams.open({
        connectionId: connection._id,
        lastEventId: lastEventId === undefined ? undefined : Number(lastEventId),
        async isAllowed() {
          const current = (await request.isStillKnown()) ? await app.connections.find(connection._id) : null
          if (!current || current.deadReason || !request.mayUse(current)) return false
          return missingScopes([gmailReadonly], current.grantedScopes).length === 0
        },
        toData: toEventView,
        signal: gone.signal,
        session: app.hasRequestDecorator('sessionHash') ? request.sessionHash() : undefined
      })
      // A connection that was kept would hold the server's end up. Some proxies hold back what they could collect.
      return reply.type('text/event-stream').headers({ connection: 'close', 'x-accel-buffering': 'no' }).send(events)
    }
  })
}

export default stream
