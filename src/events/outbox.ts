import type { Collection, Filter, ObjectId, UpdateFilter } from 'mongodb'
import type { EventRecord } from './event.ts'
import type { EventList } from './event-list.ts'

interface WithOutbox {
  _id: ObjectId
  outbox?: EventRecord[]
}

const atOnce = 100

export interface Relay<R> {
  /** How a record looks that stayed for its events alone, once they are listed. */
  isDone?: Filter<R>
  /** Only the events of these records. */
  of?: Filter<R>
  /** Leaves the rest to the next round. */
  signal?: AbortSignal
}

/**
 * Moves events from the records that they happened to into the list. Listed first and taken out after: a crash in between
 * makes it happen again, and the list knows them by their id.
 */
export async function relayOutbox<R extends WithOutbox>(
  collection: Collection<R>,
  list: EventList,
  { isDone, of, signal }: Relay<R> = {}
): Promise<void> {
  for (;;) {
    const waiting = { ...of, 'outbox.id': { $exists: true } } as Filter<R>
    const found = await collection
      .find(waiting, { projection: { outbox: 1 } })
      .limit(atOnce)
      .toArray()
    for (const { _id, outbox = [] } of found) {
      if (signal?.aborted) return
      await list.append(...outbox)
      const listed = { $pull: { outbox: { id: { $in: outbox.map(({ id }) => id) } } } } as unknown as UpdateFilter<R>
      await collection.updateOne({ _id } as Filter<R>, listed)
      if (isDone) await collection.deleteOne({ ...isDone, _id } as Filter<R>)
    }
    if (found.length < atOnce) return
  }
}
