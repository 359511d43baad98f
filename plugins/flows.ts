import fp from 'fastify-plugin'
import { createFlows, type Flows, flowCollection } from '../src/flows/flows.ts'

declare module 'fastify' {
  interface FastifyInstance {
    flows: Flows
  }
}

export default fp(
  async function flows(app) {
    app.decorate(
      'flows',
      createFlows({
        collection: app.database.collection(flowCollection),
        vault: app.vault,
        clock: app.databaseClock,
        ttlSeconds: app.config.flowTtlSeconds
      })
    )
  },
  { name: 'flows', fastify: '5.x', dependencies: ['vault', 'database-clock'] }
)
