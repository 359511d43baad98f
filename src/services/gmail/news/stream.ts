import type { ObjectId } from 'mongodb'
import type { ListedEvent } from '../../../events/event.ts'
import type { EventList } from '../../../events/event-list.ts'
import type { Bell } from './bell.ts'

export interface StreamOptions {
  connectionId: ObjectId
  /** The number of the last event that the reader knows; undefined: from now on. */
  lastEventId: number | undefined
  /** Whether the reader may still know of this connection. */
  isAllowed: () => Promise<boolean>
  toData: (event: ListedEvent) => object
  /** Ends the stream. */
  signal: AbortSignal
}

/** How long a reader waits before it reconnects, in milliseconds. */
const retryMs = 3_000
const pageSize = 100

/**
 * A connection's events as Server-Sent Events, from the list that webhooks are delivered from: a reader that comes again
 * with the number of its last event misses none, at whichever replica. Whether it may read is asked again for each event.
 */
export function createStreams(options: {
  events: EventList
  bell: Bell
  /** The time between two heartbeats: a proxy closes an idle connection. */
  keepAliveMs: number
}): (stream: StreamOptions) => AsyncGenerator<string> {
  const { events, bell, keepAliveMs } = options

  return async function* stream({ connectionId, lastEventId, isAllowed, toData, signal }) {
    const last = await events.last()
    // With a number never issued, or of another database, it would get no events until that number is reached.
    let position = Math.min(lastEventId ?? last, last)
    // Sent at once, so that the reader knows that it is open.
    yield `retry: ${retryMs}\n\n`
    let sentAtMs = performance.now()
    while (!signal.aborted) {
      const ring = bell.next(connectionId, { withinMs: sentAtMs + keepAliveMs - performance.now(), signal })
      let page: ListedEvent[]
      do {
        page = await events.after(position, pageSize, connectionId.toHexString())
        for (const event of page) {
          if (signal.aborted || !(await isAllowed())) return
          yield `id: ${event._id}\ndata: ${JSON.stringify(toData(event))}\n\n`
          position = event._id
          sentAtMs = performance.now()
        }
      } while (page.length === pageSize)
      await ring
      if (signal.aborted || !(await isAllowed())) return
      if (performance.now() - sentAtMs >= keepAliveMs) {
        yield ': still here\n\n'
        sentAtMs = performance.now()
      }
    }
  }
}
