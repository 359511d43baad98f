import { countRefused, listParked, receiverCollection, replayParked, resumeDelivery } from '../events/delivery.ts'
import { eventCollection } from '../events/event-list.ts'
import type { Toolbox } from './toolbox.ts'

/** The dead letters: events that the webhook never took. They stay in GET /v1/events too. */
export async function listParkedEvents(
  { database, config: { webhook } }: Toolbox,
  { json }: { json: boolean },
  { out, note }: { out(text: string): void; note(text: string): void }
): Promise<void> {
  const events = await listParked(database.collection(eventCollection))
  const views = events.map(({ _id, id, type, createdAt, parkedAt }) => ({ number: _id, id, type, createdAt, parkedAt }))
  const refused = webhook
    ? await countRefused(database.collection(eventCollection), database.collection(receiverCollection), webhook.url)
    : 0
  if (refused > 0)
    note(`The receiver answered 410: ${refused} more events wait for «guichet events resume», or another URL.`)
  if (json) return out(JSON.stringify(views))
  for (const { id, type, createdAt, parkedAt } of views) {
    out([id, type, createdAt.toISOString(), `parked ${parkedAt?.toISOString()}`].join('\t'))
  }
  note(
    views.length === 0
      ? 'No event is parked.'
      : `${views.length} events are parked; «guichet events replay» sends them.`
  )
}

export async function replayParkedEvents(
  { database, clock }: Toolbox,
  { note }: { note(text: string): void }
): Promise<void> {
  const replayed = await replayParked(
    database.collection(eventCollection),
    database.collection(receiverCollection),
    new Date(clock.nowMs())
  )
  note(`${replayed} events are due again: a running server delivers them.`)
}

/** After a 410 that was a mistake: what waits is delivered again, without what was given up before. */
export async function resumeEvents({ database }: Toolbox, { note }: { note(text: string): void }): Promise<void> {
  const resumed = await resumeDelivery(database.collection(receiverCollection))
  note(resumed ? 'Delivery goes on: a running server takes it up at once.' : 'Nothing was stopped.')
}
