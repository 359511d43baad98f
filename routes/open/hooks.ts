import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { hasCode } from '../../src/errors.ts'
import { problemResponses } from '../../src/http/views/problem.ts'
import { PushBody } from '../../src/services/gmail/news/push.ts'

/** A notification is some hundred bytes. */
const bodyLimit = 16 * 1024

/** Google's notifications; a route exists only where they are configured. */
const hooks: FastifyPluginAsyncZod = async app => {
  const pushes = app.gmailPushes
  if (!pushes) return

  app.route({
    method: 'POST',
    url: '/hooks/gmail',
    bodyLimit,
    // Before the body is read.
    onRequest: [app.readiness.requirePrepared, async ({ headers }) => pushes.verify(headers.authorization)],
    schema: {
      operationId: 'takeGmailPush',
      tags: ['hooks'],
      summary: "Cloud Pub/Sub's push: a mailbox has changed",
      security: [{ googlePush: [] }],
      body: PushBody,
      response: { 204: z.null().describe('Accepted; also for a mailbox that is not watched.'), ...problemResponses }
    },
    errorHandler(error, _request, reply) {
      if (hasCode(error, 'unauthenticated')) reply.header('www-authenticate', 'Bearer realm="guichet hooks"')
      throw error
    },
    handler: async ({ body }, reply) => {
      await pushes.take(body)
      return reply.code(204).send(null)
    }
  })
}

export default hooks
