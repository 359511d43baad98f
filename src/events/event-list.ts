import type { Collection, Filter, MongoBulkWriteError, ObjectId, UpdateFilter } from 'mongodb'
import type { Clock } from '../clock.ts'
import type { CollectionOf } from '../database/database.ts'
import { isDuplicateKey } from '../database/errors.ts'
import type { EventRecord, ListedEvent } from './event.ts'

export interface EventList {
  /** Gives the events their numbers, in this order, and lists them; one that is listed already stays as it is. */
  append(...events: EventRecord[]): Promise<void>
  /** At boot: makes sure that the numbers given so far outlive their events. */
  recount(): Promise<void>
  /** Takes out of the events what says who a user is: addresses, Google's id of the account, the host app's of the user. */
  forgetUser(userId: ObjectId): Promise<void>
  /** Oldest first, after that number; only what happened in that connection's service, where one is given. */
  after(number: number, limit: number, connectionId?: string): Promise<ListedEvent[]>
  /** The number of the newest event. */
  last(): Promise<number>
}

const counter = 'events'

/** The number of the newest event that was ever listed, under {@link counter}. */
export interface CounterRecord {
  _id: string
  last?: number
}

export const counterCollection: CollectionOf<CounterRecord> = { name: 'meta', indexes: [] }

const eventLifeSeconds = 30 * 86_400

export const eventCollection: CollectionOf<ListedEvent> = {
  name: 'events',
  indexes: [
    { key: { id: 1 }, unique: true },
    { key: { createdAt: 1 }, expireAfterSeconds: eventLifeSeconds },
    { key: { 'data.connection.userId': 1 }, sparse: true },
    { key: { 'data.connectionId': 1, _id: 1 } },
    { key: { parkedAt: 1 } },
    { key: { 'delivery.nextAttemptAt': 1, _id: 1 } }
  ]
}

/**
 * The events in one order for everyone. A number is taken by inserting the next one, which only works once all before
 * it are there: a reader who has come to a number has seen every event below it, whichever replica wrote it.
 */
export function createEventList(options: {
  collection: Collection<ListedEvent>
  meta: Collection<CounterRecord>
  clock: Clock
  deliver: boolean
}): EventList {
  const { collection, meta, clock, deliver } = options

  async function last(): Promise<number> {
    const [counted, [newest]] = await Promise.all([
      // Outlives the events themselves, so that numbers never start again.
      meta.findOne({ _id: counter }),
      collection
        .find({}, { projection: { _id: 1 } })
        .sort({ _id: -1 })
        .limit(1)
        .toArray()
    ])
    return Math.max(counted?.last ?? 0, newest?._id ?? 0)
  }

  const count = (number: number) => meta.updateOne({ _id: counter }, { $max: { last: number } }, { upsert: true })

  return {
    // An event that was listed but not counted, because its process died in between.
    recount: async () => void (await count(await last())),

    async append(...events) {
      while (events.length > 0) {
        const next = (await last()) + 1
        const delivery = deliver ? { attempts: 0, nextAttemptAt: new Date(clock.nowMs()), owner: null } : null
        const listed = events.map((event, i) => ({
          _id: next + i,
          ...event,
          delivery,
          deliveredAt: null,
          parkedAt: null
        }))
        let inserted = 0
        try {
          // In order: the first insert that fails ends it, so that no number is skipped.
          inserted = (await collection.insertMany(listed, { ordered: true })).insertedCount
        } catch (error) {
          if (!isDuplicateKey(error)) throw error
          inserted = (error as MongoBulkWriteError).insertedCount
        }
        if (inserted > 0) await count(next + inserted - 1)
        events.splice(0, inserted)
        const [refused] = events
        // A conflict on the id: it is listed already; on the number: another event came first.
        if (refused && (await collection.findOne({ id: refused.id }, { projection: { _id: 1 } }))) events.shift()
      }
    },

    async forgetUser(userId) {
      const ofUser = { 'data.connection.userId': userId.toHexString() }
      const events = await collection.find(ofUser, { projection: { 'data.connection.id': 1 } }).toArray()
      const ids = new Set(events.map(({ data }) => (data as { connection: { id: string } }).connection.id))
      await collection.updateMany(ofUser, {
        $set: { 'data.connection.account': { sub: '', email: '' } },
        $unset: { 'data.connection.externalId': '' }
      } as UpdateFilter<ListedEvent>)
      // Events of a service hold only the connection's id; a younger event says that it ended.
      await collection.updateMany({ 'data.connectionId': { $in: [...ids] } }, {
        $unset: { 'data.externalId': '' }
      } as UpdateFilter<ListedEvent>)
    },

    last,

    after: (number, limit, connectionId) =>
      collection
        // A number that a change of primary takes back would be given to another event, behind the cursor.
        .find(
          {
            _id: { $gt: number },
            ...(connectionId !== undefined && { 'data.connectionId': connectionId })
          } as Filter<ListedEvent>,
          { readConcern: { level: 'majority' } }
        )
        .sort({ _id: 1 })
        .limit(limit)
        .toArray()
  }
}
