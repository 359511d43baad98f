import fp from 'fastify-plugin'
import { type BackendKeys, backendKeyCollection, createBackendKeys } from '../src/backend/keys.ts'

declare module 'fastify' {
  interface FastifyInstance {
    backendKeys: BackendKeys
  }
}

export default fp(
  async function backendKeys(app) {
    const collection = app.database.collection(backendKeyCollection)
    app.decorate('backendKeys', createBackendKeys({ collection, clock: app.databaseClock }))
  },
  { name: 'backend-keys', fastify: '5.x', dependencies: ['database-clock'] }
)
