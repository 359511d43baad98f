import { createHash, randomUUID } from 'node:crypto'
import { type Collection, ObjectId } from 'mongodb'
import type { Clock } from '../../clock.ts'
import type { CollectionOf } from '../../database/database.ts'
import { isDuplicateKey } from '../../database/errors.ts'
import { GuichetError } from '../../errors.ts'

/** What became of a mail: ids alone. */
export interface Sent {
  id: string
  threadId: string
  labelIds: string[]
}

/** A send that was asked for with an Idempotency-Key. It holds ids and hashes, and nothing of the mail. */
export interface SendRecord {
  _id: ObjectId
  connectionId: ObjectId
  /** SHA-256 of the app's key. */
  key: string
  /** SHA-256 of the request, without files that come after it. */
  hash: string
  /** SHA-256 of those files, once a draft holds them. */
  filesHash: string | null
  /** By which the draft and the mail are found again: Message-ID and Date (to the second). */
  messageId: string
  date: Date
  /** The draft that holds the mail; sending it is what happens once. */
  draftId: string | null
  /** The draft was made for this key: nothing else uses it. */
  isMade: boolean
  threadId: string | null
  /** Its result; null until there is one. */
  sent: Sent | null
  /** The process that works on it, until when at most. */
  lease: { owner: string; until: Date } | null
  expiresAt: Date
}

export const sendCollection: CollectionOf<SendRecord> = {
  name: 'gmailSends',
  indexes: [
    { key: { connectionId: 1, key: 1 }, unique: true },
    { key: { expiresAt: 1 }, expireAfterSeconds: 0 },
    { key: { isMade: 1, expiresAt: 1 } }
  ]
}

/** A key that this process works on, until it is given back. */
export interface Held {
  readonly record: SendRecord
  /** Whether somebody worked on it before. */
  readonly isResumed: boolean
  /** Writes it down, unless another has taken over: then it throws `in_progress`. */
  keep(
    change: Partial<Pick<SendRecord, 'draftId' | 'isMade' | 'threadId' | 'filesHash' | 'messageId' | 'date' | 'sent'>>
  ): Promise<void>
  /** The same key again goes on where this stopped. */
  release(): Promise<void>
  /** Nothing was done: the key can be used again. */
  forget(): Promise<void>
}

/** A key that has done its work. */
export interface Known {
  sent: Sent
  filesHash: string | null
}

export interface SendRecords {
  /** Keys whose app has stopped retrying; each is given to one process to clean up. */
  abandoned(): AsyncIterable<Held>
  /**
   * Takes the key for this process; what is returned as `sent` was sent before.
   * @throws GuichetError `idempotency_mismatch`, `in_progress`
   */
  claim(ask: { connectionId: ObjectId; key: string; hash: string; domain: string }): Promise<Held | Known>
}

const lifeMs = 48 * 3_600_000
/** A key of a process that died is free after this; a running process renews it. */
const leaseMs = 30_000
const renewMs = 10_000
/** Apps retry within the hour; the draft of an app that gave up would bother its user. */
const abandonedMs = 3_600_000
const abandonedAtOnce = 20

export function sha256(...parts: (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('base64url')
}

export function createSendRecords(options: { collection: Collection<SendRecord>; clock: Clock }): SendRecords {
  const { collection, clock } = options

  function hold(record: SendRecord, owner: string, isResumed: boolean): Held {
    const mine = { _id: record._id, 'lease.owner': owner }
    const until = () => new Date(clock.nowMs() + leaseMs)
    const renewal = setInterval(() => {
      // A failure here shows at the next write.
      collection.updateOne(mine, { $set: { 'lease.until': until() } }).catch(() => {})
    }, renewMs).unref()
    return {
      record,
      isResumed,
      async keep(change) {
        const { matchedCount } = await collection.updateOne(mine, { $set: { ...change, 'lease.until': until() } })
        if (matchedCount === 0) throw inProgress()
        Object.assign(record, change)
      },
      async release() {
        clearInterval(renewal)
        await collection.updateOne(mine, { $set: { lease: null } })
      },
      async forget() {
        clearInterval(renewal)
        await collection.deleteOne(mine)
      }
    }
  }

  return {
    async *abandoned() {
      for (let round = 0; round < abandonedAtOnce; round++) {
        const owner = randomUUID()
        const nowMs = clock.nowMs()
        const taken = await collection.findOneAndUpdate(
          {
            sent: null,
            isMade: true,
            expiresAt: { $lte: new Date(nowMs + lifeMs - abandonedMs) },
            $or: [{ lease: null }, { 'lease.until': { $lte: new Date(nowMs) } }]
          },
          { $set: { lease: { owner, until: new Date(nowMs + leaseMs) } } },
          { returnDocument: 'after' }
        )
        if (!taken) return
        yield hold(taken, owner, true)
      }
    },

    async claim({ connectionId, key: given, hash, domain }) {
      const owner = randomUUID()
      const key = sha256(given)
      const nowMs = clock.nowMs()
      const lease = { owner, until: new Date(nowMs + leaseMs) }
      const fresh: SendRecord = {
        _id: new ObjectId(),
        connectionId,
        key,
        hash,
        filesHash: null,
        messageId: `<${randomUUID()}@${domain}>`,
        date: new Date(nowMs),
        draftId: null,
        isMade: false,
        threadId: null,
        sent: null,
        lease,
        expiresAt: new Date(nowMs + lifeMs)
      }
      try {
        await collection.insertOne(fresh)
        return hold(fresh, owner, false)
      } catch (error) {
        if (!isDuplicateKey(error)) throw error
      }
      const known = await collection.findOne({ connectionId, key })
      // Released between the two commands.
      if (!known) throw inProgress()
      if (known.hash !== hash) throw new GuichetError('idempotency_mismatch')
      if (known.sent) return { sent: known.sent, filesHash: known.filesHash }
      const taken = await collection.findOneAndUpdate(
        { _id: known._id, sent: null, $or: [{ lease: null }, { 'lease.until': { $lte: new Date(nowMs) } }] },
        { $set: { lease } },
        { returnDocument: 'after' }
      )
      if (!taken) throw inProgress()
      return hold(taken, owner, true)
    }
  }
}

function inProgress(): GuichetError {
  return new GuichetError('in_progress', { retryAfterSeconds: 2 })
}
