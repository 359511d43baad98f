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
    // `unsealable` and `internal` are worth an alert.
    const problems = metrics.counter('guichet_problems_total', 'Errors answered, by code', ['code'])
    app.decorate('metrics', metrics)
    app.addHook('onError', async (_request, _reply, error) => {
      problems.inc({ code: toGuichetError(error).code })
    })
  },
  { name: 'metrics', fastify: '5.x' }
)
