import { type Collection, type Filter, ObjectId } from 'mongodb'
import { createBatchedFind } from '../database/batches.ts'
import type { CollectionOf } from '../database/database.ts'
import { isDuplicateKey } from '../database/errors.ts'
import type { Lease } from '../database/lease.ts'
import { createEvent, type EventType } from '../events/event.ts'
import type { EventList } from '../events/event-list.ts'
import { relayOutbox } from '../events/outbox.ts'
import { eventOfChange } from './changes.ts'
import { type ConnectionRecord, finished } from './record.ts'

export const connectionCollection: CollectionOf<ConnectionRecord> = {
  name: 'connections',
  indexes: [
    { key: { userId: 1, service: 1, 'account.sub': 1 }, unique: true, partialFilterExpression: { live: true } },
    { key: { 'account.sub': 1 } },
    { key: { externalId: 1 }, sparse: true },
    { key: { service: 1, _id: 1 } },
    { key: { deadReason: 1 } },
    // Of those whose grant lives alone: dead ones stay as long as their users leave them, and are no work.
    { key: { refreshTokenExpiresAt: 1, nextLookAt: 1 }, partialFilterExpression: { live: true, deadReason: null } },
    { key: { warnedOf: 1, refreshTokenExpiresAt: 1 }, partialFilterExpression: { live: true, deadReason: null } },
    { key: { 'pendingRevocation.nextAttemptAt': 1 }, sparse: true },
    { key: { live: 1 }, partialFilterExpression: { live: false } },
    { key: { 'outbox.id': 1 }, sparse: true },
    { key: { 'watch.dueAt': 1 }, sparse: true },
    { key: { 'watch.address': 1 }, sparse: true }
  ]
}

/** What a change may set; the rest is the repository's to keep. */
export type ConnectionChange = Partial<
  Omit<ConnectionRecord, '_id' | 'userId' | 'version' | 'live' | 'pendingRevocation' | 'outbox'>
>

/**
 * The connections as stored. Every write that touches tokens is a compare-and-set on `version`, and carries in the same
 * document the event that it is.
 */
export interface ConnectionRepository {
  find(id: ObjectId): Promise<ConnectionRecord | null>
  findAccount(account: Pick<ConnectionRecord, 'userId' | 'service'> & { sub: string }): Promise<ConnectionRecord | null>
  listOf(userId: ObjectId): Promise<ConnectionRecord[]>
  list(filter: ListFilter): Promise<ConnectionRecord[]>
  /** Living grants that end before `end` and were not warned of. */
  listExpiring(end: Date): Promise<ConnectionRecord[]>
  /** Those whose grant was to end by then, and that are due for a look; the longest ended first. */
  listEnded(now: Date): Promise<ConnectionRecord[]>
  /** False if another looks at it. The tokens' version stays. */
  postponeLook(read: ConnectionRecord, nextLookAt: Date): Promise<boolean>
  /** False if the user already has a connection of that service and account. */
  insert(record: ConnectionRecord): Promise<boolean>
  /** Writes over the version that was read alone; null if the record has moved on or is gone. */
  update(read: ConnectionRecord, change: ConnectionChange): Promise<ConnectionRecord | null>
  /** Notes that the end of the grant was warned of. The tokens' version stays: a refresh under way has to be stored. */
  noteWarning(read: ConnectionRecord, now: Date): Promise<void>
  /** Writes the lease where `free` matches and no cooldown runs at `now`; null otherwise. */
  takeLease(id: ObjectId, lease: Lease, free: Filter<ConnectionRecord>, now: Date): Promise<ConnectionRecord | null>
  /** Ends a lease that is still held by `owner`, tokens untouched. */
  endLease(id: ObjectId, owner: string, cooldownUntil: Date | null): Promise<void>
  /** Ends the connection, whatever version it has, and queues its revocation for `dueAt`. Null if it was gone. */
  markDisconnected(read: ConnectionRecord, now: Date, dueAt: Date): Promise<ConnectionRecord | null>
  /** Whether any user's connection still stands on the grant of that Google account; a dead one does not. */
  hasLivingAccount(sub: string): Promise<boolean>
  /** Whether events of that user's connections are not yet in the list. */
  hasEvents(userId: ObjectId): Promise<boolean>
  /** Moves waiting events into the list: all of them, or those of one user's connections. */
  relayEvents(list: EventList, options?: { userId?: ObjectId; signal?: AbortSignal }): Promise<void>
}

export interface ListFilter {
  userId?: ObjectId | undefined
  externalId?: string | undefined
  service?: string | undefined
  /** Only those of these services. */
  services?: readonly string[] | undefined
  after?: ObjectId | undefined
  limit: number
}

const pageSize = 100

/** The id in a URL; none if it cannot be one, which answers like an unknown one. */
export function toConnectionId(text: string): ObjectId | undefined {
  return /^[0-9a-f]{24}$/.test(text) ? new ObjectId(text) : undefined
}

export function createConnectionRepository(options: {
  collection: Collection<ConnectionRecord>
  toView: (record: ConnectionRecord) => object
  /** Called after each write that left an event, so that it joins the list soon. */
  onEvent: () => void
}): ConnectionRepository {
  const { collection, toView, onEvent } = options

  function toEvents(type: EventType | undefined, record: ConnectionRecord) {
    return type ? [createEvent(type, record.updatedAt, { connection: toView(record) })] : []
  }

  return {
    find: createBatchedFind(collection, { live: true }),

    findAccount: ({ userId, service, sub }) => collection.findOne({ userId, service, 'account.sub': sub, live: true }),

    listOf: userId => collection.find({ userId, live: true }).sort({ _id: 1 }).toArray(),

    list({ userId, externalId, service, services, after, limit }) {
      const wanted = service === undefined ? services : [service].filter(one => services?.includes(one) ?? true)
      const filter: Filter<ConnectionRecord> = {
        live: true,
        ...(userId && { userId }),
        ...(externalId !== undefined && { externalId }),
        ...(wanted && { service: { $in: [...wanted] } }),
        ...(after && { _id: { $gt: after } })
      }
      return collection.find(filter).sort({ _id: 1 }).limit(limit).toArray()
    },

    listExpiring: end =>
      collection
        .find({ live: true, refreshTokenExpiresAt: { $lte: end }, warnedOf: null, deadReason: null })
        .sort({ refreshTokenExpiresAt: 1 })
        .limit(pageSize)
        .toArray(),

    listEnded: now =>
      collection
        .find({
          live: true,
          refreshTokenExpiresAt: { $lte: now },
          deadReason: null,
          $or: [{ nextLookAt: null }, { nextLookAt: { $lte: now } }]
        } as Filter<ConnectionRecord>)
        .sort({ refreshTokenExpiresAt: 1 })
        .limit(pageSize)
        .toArray(),

    async postponeLook({ _id, refreshTokenExpiresAt, nextLookAt = null }, next) {
      const read = { _id, live: true, refreshTokenExpiresAt, nextLookAt } as Filter<ConnectionRecord>
      const { modifiedCount } = await collection.updateOne(read, { $set: { nextLookAt: next } })
      return modifiedCount > 0
    },

    async insert(record) {
      try {
        await collection.insertOne({ ...record, outbox: toEvents(eventOfChange(null, record), record) })
      } catch (error) {
        if (isDuplicateKey(error)) return false
        throw error
      }
      onEvent()
      return true
    },

    async update(read, change) {
      const after = { ...read, ...change, version: read.version + 1 }
      const events = toEvents(eventOfChange(read, after), after)
      const written = await collection.findOneAndUpdate(
        { _id: read._id, version: read.version, live: true },
        { $set: change, $inc: { version: 1 }, ...(events.length > 0 && { $push: { outbox: { $each: events } } }) },
        { returnDocument: 'after' }
      )
      if (written && events.length > 0) onEvent()
      return written
    },

    async noteWarning(read, now) {
      const { _id, refreshTokenExpiresAt } = read
      const event = createEvent('connection.expiring', now, { connection: toView(read) })
      const { modifiedCount } = await collection.updateOne(
        { _id, live: true, refreshTokenExpiresAt, warnedOf: null, deadReason: null },
        { $set: { warnedOf: refreshTokenExpiresAt }, $push: { outbox: event } }
      )
      if (modifiedCount > 0) onEvent()
    },

    takeLease(id, lease, free, now) {
      const isDue: Filter<ConnectionRecord> = { $or: [{ cooldownUntil: null }, { cooldownUntil: { $lte: now } }] }
      return collection.findOneAndUpdate(
        { _id: id, live: true, $and: [free, isDue] },
        { $set: { lease } },
        { returnDocument: 'after' }
      )
    },

    async endLease(id, owner, cooldownUntil) {
      await collection.updateOne({ _id: id, 'lease.owner': owner }, { $set: { lease: null, cooldownUntil } })
    },

    async markDisconnected(read, now, dueAt) {
      const events = toEvents('connection.disconnected', { ...read, updatedAt: now })
      const disconnected = await collection.findOneAndUpdate(
        { _id: read._id, live: true },
        {
          $set: {
            live: false,
            accessToken: null,
            lease: null,
            pendingRevocation: { attempts: 0, nextAttemptAt: dueAt },
            // A revocation needs no name, and may have to wait.
            'account.email': '',
            updatedAt: now
          },
          $unset: { externalId: '', watch: '' },
          $inc: { version: 1 },
          $push: { outbox: { $each: events } }
        },
        { returnDocument: 'after' }
      )
      if (disconnected) onEvent()
      return disconnected
    },

    hasLivingAccount: async sub =>
      (await collection.findOne({ 'account.sub': sub, live: true, deadReason: null }, { projection: { _id: 1 } })) !==
      null,

    hasEvents: async userId =>
      (await collection.findOne({ userId, 'outbox.id': { $exists: true } }, { projection: { _id: 1 } })) !== null,

    relayEvents: (list, { userId, signal } = {}) =>
      relayOutbox(collection, list, { isDone: finished, ...(userId && { of: { userId } }), ...(signal && { signal }) })
  }
}
