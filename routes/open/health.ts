import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { problemResponses } from '../../src/http/views/problem.ts'

const Ok = z.object({ status: z.literal('ok') })
const Ready = Ok.extend({
  warnings: z
    .array(z.string())
    .optional()
    .describe('Faults that need attention and do not stop serving: `webhook_gone`.')
})

/** For operators: is the process alive, may it get requests. */
const health: FastifyPluginAsyncZod = async app => {
  app.route({
    method: 'GET',
    url: '/livez',
    exposeHeadRoute: true,
    schema: {
      operationId: 'livez',
      tags: ['operations'],
      summary: 'Whether the process runs; needs nothing',
      response: { 200: Ok }
    },
    handler: async () => ({ status: 'ok' as const })
  })

  app.route({
    method: 'GET',
    url: '/readyz',
    exposeHeadRoute: true,
    schema: {
      operationId: 'readyz',
      tags: ['operations'],
      summary: 'Whether it can serve: database, indexes and keys',
      response: { 200: Ready, ...problemResponses }
    },
    handler: async () => {
      await app.readiness.check()
      const warnings = await app.readiness.warnings()
      return { status: 'ok' as const, ...(warnings.length > 0 && { warnings }) }
    }
  })
}

export default health
