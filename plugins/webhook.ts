import fp from 'fastify-plugin'
import { createWorker, type Worker } from '../src/background/worker.ts'
import { createAddressGuard } from '../src/config/networks.ts'
import { createDelivery, receiverCollection } from '../src/events/delivery.ts'
import { eventCollection } from '../src/events/event-list.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Delivers events to the webhook; only where one is configured. */
    webhook: Worker | undefined
  }
}

const intervalMs = 1_000

export default fp(
  async function webhook(app) {
    const { webhook } = app.config
    const collection = app.database.collection(eventCollection)
    app.metrics.gauge('guichet_events_parked', 'Events whose delivery was given up', () =>
      collection.countDocuments({ parkedAt: { $ne: null } })
    )
    if (!webhook) {
      app.decorate('webhook', undefined)
      return
    }
    const delivery = createDelivery({
      collection,
      meta: app.database.collection(receiverCollection),
      clock: app.databaseClock,
      ...webhook,
      guard: createAddressGuard(webhook.allowPrivate),
      onFailure: ({ id }, reason, parked) =>
        app.log.warn({ event: 'delivery_failed', id, reason, parked }, 'the webhook did not take an event')
    })
    // Its own worker: a receiver that hangs delays nothing else.
    const worker = createWorker({
      intervalMs,
      onError: (task, error) =>
        app.log.warn({ event: 'work_failed', task, err: error }, 'work in the background failed; it is tried again')
    })
    worker.add('delivery', delivery.deliverDue)
    app.decorate('webhook', worker)
    app.readiness.onceReady(() => {
      worker.start()
      const tell = (refused: boolean) =>
        refused &&
        app.log.error(
          { event: 'webhook_gone' },
          'the webhook answered 410 once, and gets no events: «guichet events resume» ends that'
        )
      delivery.isRefused().then(tell, () => {})
    })
    app.readiness.warn('webhook_gone', delivery.isRefused)
    app.metrics.gauge('guichet_webhook_gone', 'Whether the webhook answered 410, and gets no events', async () =>
      Number(await delivery.isRefused())
    )
    app.addHook('preClose', async () => {
      const stopped = worker.stop()
      await delivery.close()
      await stopped
    })
  },
  { name: 'webhook', fastify: '5.x', dependencies: ['events', 'metrics'] }
)
