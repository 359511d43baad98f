import fp from 'fastify-plugin'
import { toGuichetError } from '../src/http/problem.ts'
import { createMetrics, type Metrics } from '../src/observability/metrics.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

/** What an operator watches; counted always, shown at /metrics to the holder of the token. */
export default fp(
  async function metrics(app) {
    const metrics = createMetrics()
    app.decorate('metrics', metrics)
    app.addHook('onError', async (_request, _reply, error) => {
      metrics.countProblem(toGuichetError(error).code)
    })
  },
  { name: 'metrics', fastify: '5.x' }
)
