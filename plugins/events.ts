import fp from 'fastify-plugin'
import { counterCollection, createEventList, type EventList, eventCollection } from '../src/events/event-list.ts'

declare module 'fastify' {
  interface FastifyInstance {
    events: EventList
  }
}

/** What happened, in one list for all replicas. */
export default fp(
  async function events(app) {
    const list = createEventList({
      collection: app.database.collection(eventCollection),
      meta: app.database.collection(counterCollection),
      clock: app.databaseClock,
      deliver: app.config.webhook !== undefined
    })
    app.decorate('events', list)
    app.readiness.require('event numbers', { prepare: list.recount })
  },
  // After the vault: a wrong key must be found before anything is written.
  { name: 'events', fastify: '5.x', dependencies: ['database-clock', 'vault'] }
)
