import fp from 'fastify-plugin'
import { createDisconnect, type Disconnect } from '../src/connections/disconnect.ts'

declare module 'fastify' {
  interface FastifyInstance {
    disconnect: Disconnect
  }
}

export default fp(
  async function disconnect(app) {
    const { connections: repository, revocations, databaseClock: clock } = app
    app.decorate('disconnect', createDisconnect({ repository, revocations, clock }))
  },
  { name: 'disconnect', fastify: '5.x', dependencies: ['revocations'] }
)
