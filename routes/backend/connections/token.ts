import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { LiveToken } from '../../../src/connections/live-token.ts'
import { toConnectionId } from '../../../src/connections/repository.ts'
import { toGuichetError } from '../../../src/http/problem.ts'
import { ConnectionParams } from '../../../src/http/views/connection.ts'
import { problemResponses } from '../../../src/http/views/problem.ts'

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
      // What is no id may be a secret in the wrong place.
      const connection = toConnectionId(request.params.id)?.toHexString() ?? null
      const asked = { key: request.backendKey._id, connection, requestId: request.id }
      let user: string | null = null
      const live = await vend().catch(async (error: unknown): Promise<never> => {
        await app.audit({ ...asked, user, outcome: toGuichetError(error).code })
        throw error
      })
      await app.audit({ ...asked, user, outcome: 'vended' })
      return toTokenAnswer(live)

      async function vend(): Promise<LiveToken> {
        const connection = await request.requireConnection(request.params.id)
        user = connection.userId.toHexString()
        return app.liveTokens(connection, { minTtlSeconds: request.body?.minTtlSeconds ?? 0 })
      }
    }
  })
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
