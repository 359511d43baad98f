import fp from 'fastify-plugin'
import { createErasing, type Erasing } from '../src/accounts/erase.ts'

declare module 'fastify' {
  interface FastifyInstance {
    erasing: Erasing
  }
}

/** Erasing users, also where an erasure was cut off. */
export default fp(
  async function erasing(app) {
    const { users, sessions, flows, tickets, connections: repository, disconnect, events } = app
    const erasing = createErasing({ users, sessions, flows, tickets, repository, disconnect, events })
    app.decorate('erasing', erasing)
    app.background.add('erasures', erasing.finishInterrupted)
  },
  { name: 'erasing', fastify: '5.x', dependencies: ['sessions', 'flows', 'tickets', 'disconnect'] }
)
