import fp from 'fastify-plugin'
import { toGuichetError } from '../src/http/problem.ts'
import { createMetrics, type Metrics } from '../src/observability/metrics.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

/** What an operator watches; counted always, shown at /metrics to whoever has the token. */
export default fp(
  async function metrics(app) {
    const { connections, events } = app.collections
    const metrics = createMetrics(app.databaseClock, { connections, events })
    app.decorate('metrics', metrics)
    app.addHook('onError', async (_request, _reply, error) => {
      metrics.problems.inc({ code: toGuichetError(error).code })
    })
  },
  { name: 'metrics', fastify: '5.x', dependencies: ['mongo'] }
)
