import fp from 'fastify-plugin'
import { type BackendKeys, createBackendKeys } from '../src/backend/keys.ts'

declare module 'fastify' {
  interface FastifyInstance {
    backendKeys: BackendKeys
  }
}

/** What the owner's other backends come with. */
export default fp(
  async function backend(app) {
    app.decorate(
      'backendKeys',
      createBackendKeys({ collection: app.collections.backendKeys, clock: app.databaseClock })
    )
  },
  { name: 'backend', fastify: '5.x', dependencies: ['mongo'] }
)
