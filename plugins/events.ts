import fp from 'fastify-plugin'
import type { ObjectId } from 'mongodb'
import { createWorker, type Worker } from '../src/background/worker.ts'
import { done } from '../src/connections/revocations.ts'
import { createDelivery } from '../src/events/delivery.ts'
import { createEventList, type EventList } from '../src/events/event-list.ts'
import { relayOutbox } from '../src/events/outbox.ts'
import { createAddressGuard } from '../src/events/public-address.ts'

declare module 'fastify' {
  interface FastifyInstance {
    events: EventList
    worker: Worker
    /** Lists what happened to that user and its connections, now. */
    listEventsOf(userId: ObjectId): Promise<void>
    /** Delivers events to the webhook; only where one is configured. */
    courier?: Worker
  }
}

const intervalMs = 1_000

/** What happened, in one list for all replicas, and the workers that get it there; readiness starts them. */
export default fp(
  async function events(app) {
    const { collections, config, databaseClock: clock } = app
    const list = createEventList({
      collection: collections.events,
      meta: collections.meta,
      clock,
      deliver: config.webhook !== undefined
    })
    const worker = createWorker({
      intervalMs,
      onError: (task, error) =>
        app.log.warn({ event: 'work_failed', task, err: error }, 'work in the background failed; it is tried again')
    })
    const { webhook } = config
    if (webhook) {
      const delivery = createDelivery({
        collection: collections.events,
        meta: collections.meta,
        clock,
        ...webhook,
        guard: createAddressGuard(webhook.allowPrivate),
        onFailure: ({ id }, parked) =>
          app.log.warn({ event: 'delivery_failed', id, parked }, 'the webhook did not take an event')
      })
      // A worker of its own: a receiver that hangs delays nothing else.
      const courier = createWorker({
        intervalMs,
        onError: (task, error) =>
          app.log.warn({ event: 'work_failed', task, err: error }, 'work in the background failed; it is tried again')
      })
      courier.add('delivery', delivery.deliverDue)
      app.decorate('courier', courier)
      app.addHook('preClose', async () => {
        const stopped = courier.stop()
        await delivery.close()
        await stopped
      })
    }
    const { connections, users } = collections
    worker.add('outbox of connections', signal => relayOutbox(connections, list, { isDone: done, signal }))
    worker.add('outbox of users', signal => relayOutbox(users, list, { signal }))

    app.decorate('events', list)
    app.decorate('listEventsOf', async userId => {
      await relayOutbox(connections, list, { isDone: done, of: { userId } })
      await relayOutbox(users, list, { of: { _id: userId } })
    })
    app.decorate('worker', worker)
    app.addHook('preClose', async () => worker.stop())
  },
  { name: 'events', fastify: '5.x', dependencies: ['mongo'] }
)
