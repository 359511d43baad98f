import type { FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { LiveToken } from '../../../src/connections/live-token.ts'
import { toGuichetError } from '../../../src/http/problem.ts'
import { ConnectionParams, problemResponses } from '../../../src/http/schemas.ts'

const VendBody = z
  .strictObject({
    minTtlSeconds: z.int().min(0).max(3000).optional().describe('Refresh first if less than this is left.')
  })
  .nullish()
// RFC 6749, section 5.1, in its own names; nothing more of what Google gave.
const TokenAnswer = z.object({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.int(),
  scope: z.string()
})

/** Vending: a live access token, for this backend, now. */
const token: FastifyPluginAsyncZod = async app => {
  app.route({
    method: 'POST',
    url: '/:id/token',
    config: { operation: 'tokens:vend' },
    schema: {
      operationId: 'vendToken',
      tags: ['backend'],
      summary: 'Vend a live access token',
      params: ConnectionParams,
      body: VendBody,
      response: { 200: TokenAnswer, ...problemResponses }
    },
    handler: async request => {
      let user: string | null = null
      const live = await vend().catch((error: unknown): never => {
        audit(request, user, toGuichetError(error).code)
        throw error
      })
      audit(request, user, 'vended')
      return toTokenAnswer(live)

      async function vend(): Promise<LiveToken> {
        const connection = await request.requireConnection(request.params.id)
        user = connection.userId.toHexString()
        return app.connections.liveToken(connection, { minTtlSeconds: request.body?.minTtlSeconds ?? 0 })
      }
    }
  })

  function audit(request: FastifyRequest<{ Params: { id: string } }>, user: string | null, outcome: string): void {
    const time = new Date(app.databaseClock.nowMs()).toISOString()
    try {
      app.audit({
        time,
        key: request.backendKey._id,
        user,
        connection: request.params.id,
        outcome,
        requestId: request.id
      })
    } catch (error) {
      app.metrics.vends.inc({ outcome: toGuichetError(error).code })
      throw error
    }
    app.metrics.vends.inc({ outcome })
  }
}

function toTokenAnswer({ accessToken, expiresInSeconds, connection }: LiveToken) {
  return {
    access_token: accessToken,
    token_type: 'Bearer' as const,
    expires_in: expiresInSeconds,
    scope: connection.grantedScopes.join(' ')
  }
}

export default token
