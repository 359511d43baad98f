import type { Collection, Filter, ObjectId, UpdateFilter } from 'mongodb'
import type { Clock } from '../../../clock.ts'
import type { ConnectionRecord } from '../../../connections/record.ts'
import type { WatchRecord } from '../../../connections/watch.ts'
import { createLeases, type Lease } from '../../../database/lease.ts'
import type { EventRecord } from '../../../events/event.ts'
import { isLater } from './history-id.ts'
import type { Notification } from './push.ts'

/** A live connection whose mailbox is watched. */
export type Followed = ConnectionRecord & { watch: WatchRecord }

/** A connection whose lease this worker holds. Each write updates this object too. */
export type Held = Followed & { watch: { lease: Lease } }

export type WatchChange = Partial<Omit<WatchRecord, 'lease' | 'dueAt'>>

/** The watches as stored: in the record of their connection. */
export interface Watches {
  /** False if the connection is gone, or is watched already. */
  start(id: ObjectId, watch: WatchRecord): Promise<boolean>
  /** Changes an existing watch; null if there is none. */
  change(id: ObjectId, change: WatchChange): Promise<Followed | null>
  /** Ends the watch; null if there was none. */
  stop(id: ObjectId): Promise<WatchRecord | null>
  /** Whether another connection follows that mailbox. */
  hasOther(address: string, than: ObjectId): Promise<boolean>
  /** Takes the lease on the watch that waits longest and is due; null if none is. */
  claim(): Promise<Held | null>
  /**
   * Stores the change and the events that tell of it in one write, and renews the lease. False where another holds it or
   * the watch or connection is gone: nothing is stored then.
   */
  write(held: Held, change: WatchChange, events: readonly EventRecord[]): Promise<boolean>
  /** Ends the lease; the watch is due again `afterMs` from now, or at once if a push came meanwhile. */
  release(held: Held, change: WatchChange & { afterMs: number }): Promise<void>
  /** Makes the watches of a mailbox due, unless their cursor is past that historyId already or they have seen this push. */
  notify(notification: Notification, pushId: string): Promise<void>
}

/** Longer than one call to Google and its write may take; renewed with each write. */
const leaseMs = 30_000

export function createWatches({
  collection,
  clock
}: {
  collection: Collection<ConnectionRecord>
  clock: Clock
}): Watches {
  const leases = createLeases(clock, leaseMs, 'watch.lease')
  const fromNow = (ms: number) => new Date(clock.nowMs() + ms)
  const followed = { live: true, watch: { $exists: true } }

  function heldBy({ _id, watch: { cursor, lease } }: Held): Filter<ConnectionRecord> {
    return { _id, live: true, 'watch.lease.owner': lease.owner, 'watch.cursor': cursor }
  }

  return {
    async start(_id, watch) {
      const { modifiedCount } = await collection.updateOne(
        { _id, live: true, watch: { $exists: false } },
        { $set: { watch } }
      )
      return modifiedCount > 0
    },

    async change(_id, change) {
      const update = { $set: fields(change) }
      return (await collection.findOneAndUpdate({ _id, ...followed }, update, {
        returnDocument: 'after'
      })) as Followed | null
    },

    async stop(_id) {
      const before = await collection.findOneAndUpdate({ _id, ...followed }, { $unset: { watch: '' } })
      return before?.watch ?? null
    },

    async hasOther(address, than) {
      const other = { live: true, _id: { $ne: than }, 'watch.address': address }
      return (await collection.findOne(other, { projection: { _id: 1 } })) !== null
    },

    async claim() {
      const due: Filter<ConnectionRecord> = {
        live: true,
        deadReason: null,
        'watch.dueAt': { $lte: fromNow(0) },
        ...leases.free()
      }
      const update = { $set: { 'watch.lease': leases.begin() } }
      return (await collection.findOneAndUpdate(due, update, {
        sort: { 'watch.dueAt': 1 },
        returnDocument: 'after'
      })) as Held | null
    },

    async write(held, change, events) {
      const update: UpdateFilter<ConnectionRecord> = {
        $set: { ...fields(change), 'watch.lease': leases.begin(held.watch.lease.owner) },
        ...(events.length > 0 && { $push: { outbox: { $each: [...events] } } })
      }
      const { matchedCount } = await collection.updateOne(heldBy(held), update)
      if (matchedCount > 0) Object.assign(held.watch, change)
      return matchedCount > 0
    },

    async release(held, { afterMs, ...change }) {
      const untouched = { ...heldBy(held), 'watch.lastPushId': held.watch.lastPushId }
      const ended = { ...fields(change), 'watch.lease': null }
      const due = await collection.updateOne(untouched, { $set: { ...ended, 'watch.dueAt': fromNow(afterMs) } })
      if (due.matchedCount === 0) await collection.updateOne(heldBy(held), { $set: ended })
    },

    async notify({ address, historyId }, pushId) {
      const known = collection.find({ live: true, 'watch.address': address }, { projection: { watch: 1 } })
      const news = (await known.toArray()).filter(({ watch }) => watch?.lastPushId !== pushId)
      for (const { _id, watch } of news) {
        const now = fromNow(0)
        const isBehind = watch && isLater(historyId, watch.cursor)
        const heard = { 'watch.lastPushId': pushId, 'watch.lastNotifiedAt': now }
        const update = { $set: { ...heard, ...(isBehind && { 'watch.dueAt': now }) } }
        await collection.updateOne({ _id, ...followed }, update)
      }
    }
  }
}

function fields(change: WatchChange): Record<string, unknown> {
  return Object.fromEntries(Object.entries(change).map(([name, value]) => [`watch.${name}`, value]))
}
