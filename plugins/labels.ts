import fp from 'fastify-plugin'
import { createLabels, type Labels } from '../src/services/gmail/labels.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Gmail's labels, by id and by name. */
    labels: Labels
  }
}

export default fp(
  async function labels(app) {
    app.decorate('labels', createLabels({ nowMs: () => app.clock.nowMs() }))
  },
  { name: 'labels', fastify: '5.x' }
)
