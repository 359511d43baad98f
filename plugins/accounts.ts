import fp from 'fastify-plugin'
import { createSessionStore, type MongoSessionStore } from '../src/accounts/sessions.ts'
import { createTickets, type Tickets } from '../src/accounts/tickets.ts'
import { createUsers, type Users } from '../src/accounts/users.ts'
import { createFlows, type Flows } from '../src/flows/flows.ts'

declare module 'fastify' {
  interface FastifyInstance {
    users: Users
    sessions: MongoSessionStore
    flows: Flows
    tickets: Tickets
  }
}

/** Users, their sessions, and the authorization attempts under way. */
export default fp(
  async function accounts(app) {
    const { collections, config, databaseClock: clock, vault } = app
    const { idleSeconds, maxSeconds } = config.session
    const users = createUsers({
      collection: collections.users,
      clock,
      signInAllow: config.signInAllow,
      onEvent: () => app.worker.soon()
    })
    app.decorate('users', users)
    app.decorate(
      'sessions',
      createSessionStore({
        collection: collections.sessions,
        clock,
        idleSeconds,
        maxSeconds,
        isUser: async id => (await users.find(id)) !== null
      })
    )
    app.decorate(
      'flows',
      createFlows({ collection: collections.flows, vault, clock, ttlSeconds: config.flowTtlSeconds })
    )
    app.decorate('tickets', createTickets({ collection: collections.tickets, clock }))
  },
  { name: 'accounts', fastify: '5.x', dependencies: ['mongo', 'vault', 'events'] }
)
