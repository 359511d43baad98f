import { timingSafeEqual } from 'node:crypto'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { GuichetError } from '../../src/errors.ts'
import { hashSecret } from '../../src/secrets.ts'

/** Prometheus. Without a token configured, the route does not exist. */
const metrics: FastifyPluginAsyncZod = async app => {
  const { metricsToken } = app.config
  if (metricsToken === undefined) return
  const expected = Buffer.from(hashSecret(metricsToken))

  app.route({
    method: 'GET',
    url: '/metrics',
    schema: { hide: true },
    handler: async (request, reply) => {
      const [, token = ''] = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '') ?? []
      const presented = Buffer.from(hashSecret(token))
      if (!timingSafeEqual(presented, expected)) {
        reply.header('www-authenticate', 'Bearer realm="guichet metrics"')
        throw new GuichetError('unauthenticated')
      }
      return reply.type(app.metrics.contentType).send(await app.metrics.text())
    }
  })
}

export default metrics
