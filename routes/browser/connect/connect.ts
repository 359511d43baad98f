import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { findService } from '../../../src/catalogue.ts'
import { basePathOf } from '../../../src/config/public-url.ts'
import { GuichetError, isErrorCode } from '../../../src/errors.ts'
import { requireConnectPurpose } from '../../../src/flows/purposes.ts'
import { requireReturnTo } from '../../../src/http/return-to.ts'
import { ConnectionView, toConnectionView } from '../../../src/http/views/connection.ts'
import { CallbackQuery, StartedView } from '../../../src/http/views/flow.ts'
import { problemResponses } from '../../../src/http/views/problem.ts'

const Params = z.strictObject({ service: z.string().min(1).max(64) })
// Mailers and social apps add parameters of theirs to a link.
const StartQuery = z.object({
  returnTo: z.string().min(1).max(2000).optional(),
  loginHint: z
    .string()
    .regex(/^[^\s\p{Cc}]{1,320}$/u, 'must be an e-mail address or account id')
    .optional(),
  connectionId: z.string().min(1).max(100).optional().describe('Repair this connection.'),
  status: z.string().refine(isErrorCode, 'must be a code').optional().describe('How a sign-in on the way here failed.')
})
// The first server's words: its clients look for them.
const Connected = z.object({ message: z.literal('token receive'), connection: ConnectionView })

/** Connecting a service: to Google and back. */
const connect: FastifyPluginAsyncZod = async app => {
  const basePath = basePathOf(app.config.publicUrl)

  app.route({
    method: 'GET',
    url: '/:service',
    config: { navigable: true, rateLimit: app.limitStarts },
    schema: {
      operationId: 'startConnect',
      tags: ['connections'],
      summary: 'Start connecting a service, or repairing a connection',
      params: Params,
      querystring: StartQuery,
      response: { 200: StartedView, ...problemResponses }
    },
    handler: async (request, reply) => {
      const { returnTo: wanted, status, ...wish } = request.query
      const returnTo = requireReturnTo(wanted, 'querystring', app.config)
      request.returnTo = returnTo
      // Back from a sign-in that failed: it ends where connecting would have.
      if (status !== undefined && request.isNavigation()) return reply.returnWith({ status })
      if (!request.session._id && request.isNavigation()) {
        const returnTo = basePath + withoutUnknown(request.url, request.query)
        return reply.redirect(`${basePath}/auth/google?${new URLSearchParams({ returnTo })}`, 303)
      }
      const userId = request.requireUserId()
      const purpose = requireConnectPurpose(request.params.service)
      const { connectionId, parameters } = await app.chooseAccount({ userId, ...request.params, ...wish })
      const { url, expiresAt } = await app.googleOauth2.start(request, purpose, { returnTo, connectionId }, parameters)
      if (request.isNavigation()) return reply.redirect(url, 303)
      return { url, expiresAt: expiresAt.toISOString() }
    }
  })

  app.route({
    method: 'GET',
    url: '/:service/callback',
    config: { navigable: true, rateLimit: app.limitStarts },
    schema: {
      operationId: 'finishConnect',
      tags: ['connections'],
      summary: 'Where Google sends the user back',
      params: Params,
      querystring: CallbackQuery,
      response: { 200: Connected, ...problemResponses }
    },
    handler: async (request, reply) => {
      const purpose = requireConnectPurpose(request.params.service)
      const service = findService(request.params.service)
      const record = await app.googleOauth2.finish(request, purpose, request.query, {
        async end(finished) {
          const userId = request.session._id
          if (!userId || !service) throw new GuichetError('flow_wrong_session')
          return app.storeGrant({ userId, service, ...finished })
        },
        find: app.connections.find
      })
      const connection = toConnectionView(record, app.connectLinks.repair)
      request.log.info(
        { event: 'connected', user: record.userId, connection: connection.id, status: connection.status },
        'a connection was made'
      )
      if (request.isNavigation()) return reply.returnWith({ status: 'connected', connection: connection.id })
      return { message: 'token receive' as const, connection }
    }
  })
}

/** The URL as it came, without the parameters that others added: some make it too long to be carried along. */
function withoutUnknown(url: string, known: object): string {
  const [path = '', query = ''] = url.split('?')
  const kept = query.split('&').filter(pair => Object.hasOwn(known, pair.split('=', 1)[0] ?? ''))
  return kept.length > 0 ? `${path}?${kept.join('&')}` : path
}

export default connect
