import fp from 'fastify-plugin'
import { createTickets, type Tickets, ticketCollection, voidedCollection } from '../src/accounts/tickets.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tickets: Tickets
  }
}

export default fp(
  async function tickets(app) {
    const collection = app.database.collection(ticketCollection)
    const voided = app.database.collection(voidedCollection)
    app.decorate('tickets', createTickets({ collection, voided, clock: app.databaseClock }))
  },
  { name: 'tickets', fastify: '5.x', dependencies: ['database-clock'] }
)
