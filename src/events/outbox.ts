import type { Collection, Filter, ObjectId, UpdateFilter } from 'mongodb'
import { isDatabaseUnavailable } from '../database/errors.ts'
import type { EventRecord } from './event.ts'
import type { EventList } from './event-list.ts'

interface WithOutbox {
  _id: ObjectId
  outbox?: EventRecord[]
}

const atOnce = 100
const mostFailed = 1_000

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
  // One whose events cannot be listed is in no other's way.
  const failed: ObjectId[] = []
  let failure: unknown
  for (;;) {
    const others = failed.length > 0 ? [{ _id: { $nin: failed } }] : []
    const waiting = { $and: [{ ...of, 'outbox.id': { $exists: true } }, ...others] } as Filter<R>
    const found = await collection
      .find(waiting, { projection: { outbox: 1 } })
      .limit(atOnce)
      .toArray()
    for (const { _id, outbox = [] } of found) {
      if (signal?.aborted) return
      try {
        await list.append(...outbox)
        const listed = { $pull: { outbox: { id: { $in: outbox.map(({ id }) => id) } } } } as unknown as UpdateFilter<R>
        await collection.updateOne({ _id } as Filter<R>, listed)
        if (isDone) await collection.deleteOne({ ...isDone, _id } as Filter<R>)
      } catch (error) {
        if (isDatabaseUnavailable(error)) throw error
        failure ??= error
        failed.push(_id)
      }
    }
    if (found.length < atOnce || failed.length > mostFailed) break
  }
  if (failure !== undefined) throw failure
}
