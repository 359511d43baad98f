import fp from 'fastify-plugin'
import { finished } from '../src/connections/record.ts'
import { connectionCollection } from '../src/connections/repository.ts'
import { relayOutbox } from '../src/events/outbox.ts'
import { createFollowDue } from '../src/services/gmail/news/follow.ts'
import { createSync } from '../src/services/gmail/news/sync.ts'
import { createWatches, type Held, type Watches } from '../src/services/gmail/news/watches.ts'

declare module 'fastify' {
  interface FastifyInstance {
    watches: Watches
  }
}

/** The mailboxes that are followed, and the work in the background that follows them. */
export default fp(
  async function watches(app) {
    const connections = app.database.collection(connectionCollection)
    const clock = app.databaseClock
    const watches = createWatches({ collection: connections, clock })
    const listEvents = ({ _id }: Held) => relayOutbox(connections, app.events, { isDone: finished, of: { _id } })
    const followDue = createFollowDue({
      watches,
      openMailbox: app.openMailbox,
      sync: createSync({ watches, clock, listEvents }),
      topic: app.config.gmailPush?.topic,
      clock,
      listEvents
    })
    app.decorate('watches', watches)
    app.background.add('new mail', followDue)
  },
  { name: 'watches', fastify: '5.x', dependencies: ['open-mailbox', 'events', 'background'] }
)
