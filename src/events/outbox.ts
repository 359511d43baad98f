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
  /** Filter: records kept only for their events, all of which are listed. */
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
  const failed: ObjectId[] = []
  let failure: unknown

  async function move(records: readonly R[]): Promise<void> {
    const events = records.flatMap(({ outbox = [] }) => outbox)
    const these = { _id: { $in: records.map(({ _id }) => _id) } } as Filter<R>
    await list.append(...events)
    await collection.updateMany(these, {
      $pull: { outbox: { id: { $in: events.map(({ id }) => id) } } }
    } as unknown as UpdateFilter<R>)
    if (isDone) await collection.deleteMany({ ...isDone, ...these })
  }

  /** All at once; if that fails, one by one, so that a record whose events cannot be listed does not stop the others. */
  async function moveAll(records: readonly R[]): Promise<void> {
    const [first, second] = records
    if (!first || signal?.aborted) return
    try {
      await move(records)
    } catch (error) {
      if (isDatabaseUnavailable(error)) throw error
      if (second) for (const record of records) await moveAll([record])
      else {
        failure ??= error
        failed.push(first._id)
      }
    }
  }

  for (;;) {
    const others = failed.length > 0 ? [{ _id: { $nin: failed } }] : []
    const waiting = { $and: [{ ...of, 'outbox.id': { $exists: true } }, ...others] } as Filter<R>
    const found = await collection
      .find(waiting, { projection: { outbox: 1 } })
      .limit(atOnce)
      .toArray()
    await moveAll(found as unknown as R[])
    if (signal?.aborted) return
    if (found.length < atOnce || failed.length > mostFailed) break
  }
  if (failure !== undefined) throw failure
}
