import fp from 'fastify-plugin'
import { createSessionStore, type MongoSessionStore, sessionCollection } from '../src/accounts/sessions.ts'

declare module 'fastify' {
  interface FastifyInstance {
    sessions: MongoSessionStore
  }
}

export default fp(
  async function sessions(app) {
    app.decorate(
      'sessions',
      createSessionStore({
        collection: app.database.collection(sessionCollection),
        clock: app.databaseClock,
        ...app.config.session,
        isUser: async id => (await app.users.find(id)) !== null
      })
    )
  },
  { name: 'sessions', fastify: '5.x', dependencies: ['users'] }
)
