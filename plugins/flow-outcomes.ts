import fp from 'fastify-plugin'
import { createOutcomes, type Outcomes, outcomeCollection } from '../src/flows/outcome.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** What flows ended in, for callbacks that come twice. */
    flowOutcomes: Outcomes
  }
}

export default fp(
  async function flowOutcomes(app) {
    const collection = app.database.collection(outcomeCollection)
    app.decorate('flowOutcomes', createOutcomes({ collection, clock: app.databaseClock }))
  },
  { name: 'flow-outcomes', fastify: '5.x', dependencies: ['flows'] }
)
