import { setTimeout as delay } from 'node:timers/promises'
import { countRefused, listParked, receiverCollection, replayParked, resumeDelivery } from '../events/delivery.ts'
import type { ListedEvent } from '../events/event.ts'
import { eventCollection } from '../events/event-list.ts'
import { toEventView } from '../http/views/event.ts'
import { type Toolbox, UsageError } from './toolbox.ts'

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

interface ListOptions {
  limit?: string | undefined
  json: boolean
}

interface Printing {
  out(text: string): void
}

const pollMs = 1_000

/** The newest events, oldest of them first. */
export async function listEvents({ database }: Toolbox, { limit, json }: ListOptions, print: Printing): Promise<void> {
  const newest = await database
    .collection(eventCollection)
    .find({})
    .sort({ _id: -1 })
    .limit(toCount(limit, 20))
    .toArray()
  for (const event of newest.reverse()) printEvent(event, json, print)
}

/** New events, until there were `limit` of them, or for ever. */
export async function tailEvents({ database }: Toolbox, { limit, json }: ListOptions, print: Printing): Promise<void> {
  const events = database.collection(eventCollection)
  let left = toCount(limit, Infinity)
  let [last] = await events.find({}).sort({ _id: -1 }).limit(1).toArray()
  while (left > 0) {
    const news = await events
      .find({ _id: { $gt: last?._id ?? 0 } })
      .sort({ _id: 1 })
      .limit(Math.min(left, 100))
      .toArray()
    for (const event of news) printEvent(event, json, print)
    last = news.at(-1) ?? last
    left -= news.length
    if (left > 0 && news.length === 0) await delay(pollMs)
  }
}

function printEvent(event: ListedEvent, json: boolean, { out }: Printing): void {
  const view = toEventView(event)
  const { connection, connectionId = '-' } = view.data
  const columns = [event._id, view.createdAt, view.type, connection?.id ?? connectionId, connection?.status ?? '']
  out(json ? JSON.stringify(view) : columns.join('\t'))
}

function toCount(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError('--limit is a whole number from 1.')
  return Number(text)
}
