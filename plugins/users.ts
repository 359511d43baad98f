import fp from 'fastify-plugin'
import { createUsers, type Users, userCollection } from '../src/accounts/users.ts'

declare module 'fastify' {
  interface FastifyInstance {
    users: Users
  }
}

export default fp(
  async function users(app) {
    const users = createUsers({
      collection: app.database.collection(userCollection),
      clock: app.databaseClock,
      signInAllow: app.config.signInAllow,
      onEvent: () => app.background.soon()
    })
    app.decorate('users', users)
    app.background.add('events of users', signal => users.relayEvents(app.events, { signal }))
  },
  { name: 'users', fastify: '5.x', dependencies: ['events', 'background'] }
)
