import { type Collection, type Filter, ObjectId, type UpdateFilter } from 'mongodb'
import { isDuplicateKey } from '../database.ts'
import type { ConnectionRecord } from './connection.ts'

/** The connections as stored; every write that touches tokens is a compare-and-set on `version`. */
export interface ConnectionRepository {
  find(id: ObjectId): Promise<ConnectionRecord | null>
  findAccount(account: Pick<ConnectionRecord, 'userId' | 'service'> & { sub: string }): Promise<ConnectionRecord | null>
  listOf(userId: ObjectId): Promise<ConnectionRecord[]>
  /** False if the user already has a connection of that service and account. */
  insert(record: ConnectionRecord): Promise<boolean>
  /** Writes over that version alone; null if the record has moved on or is gone. */
  update(id: ObjectId, version: number, change: Partial<ConnectionRecord>): Promise<ConnectionRecord | null>
  /** Takes the lease if none holds it and no cooldown runs at `now`; null otherwise. */
  takeLease(id: ObjectId, lease: { owner: string; until: Date }, now: Date): Promise<ConnectionRecord | null>
  /** Ends a lease that is still held by `owner`, tokens untouched. */
  endLease(id: ObjectId, owner: string, cooldownUntil: Date | null): Promise<void>
  remove(id: ObjectId): Promise<ConnectionRecord | null>
  /** Whether any user's connection still stands on the grant of that Google account. */
  hasAccount(sub: string): Promise<boolean>
}

/** The id in a URL; none if it cannot be one, which answers like an unknown one. */
export function toConnectionId(text: string): ObjectId | undefined {
  return /^[0-9a-f]{24}$/.test(text) ? new ObjectId(text) : undefined
}

export function createConnectionRepository(collection: Collection<ConnectionRecord>): ConnectionRepository {
  return {
    find: id => collection.findOne({ _id: id }),

    findAccount: ({ userId, service, sub }) => collection.findOne({ userId, service, 'account.sub': sub }),

    listOf: userId => collection.find({ userId }).sort({ _id: 1 }).toArray(),

    async insert(record) {
      try {
        await collection.insertOne(record)
        return true
      } catch (error) {
        if (isDuplicateKey(error)) return false
        throw error
      }
    },

    update(id, version, change) {
      const update: UpdateFilter<ConnectionRecord> = { $set: change, $inc: { version: 1 } }
      return collection.findOneAndUpdate({ _id: id, version }, update, { returnDocument: 'after' })
    },

    takeLease(id, lease, now) {
      const free: Filter<ConnectionRecord> = {
        _id: id,
        $and: [
          { $or: [{ lease: null }, { 'lease.until': { $lte: now } }] },
          { $or: [{ cooldownUntil: null }, { cooldownUntil: { $lte: now } }] }
        ]
      }
      return collection.findOneAndUpdate(free, { $set: { lease } }, { returnDocument: 'after' })
    },

    async endLease(id, owner, cooldownUntil) {
      await collection.updateOne({ _id: id, 'lease.owner': owner }, { $set: { lease: null, cooldownUntil } })
    },

    remove: id => collection.findOneAndDelete({ _id: id }),

    hasAccount: async sub => (await collection.findOne({ 'account.sub': sub }, { projection: { _id: 1 } })) !== null
  }
}
