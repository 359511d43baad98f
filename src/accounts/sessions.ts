import type { SessionStore } from '@fastify/session'
import type { Session } from 'fastify'
import type { Collection, ObjectId } from 'mongodb'
import type { Clock } from '../clock.ts'
import { createBatchedFind } from '../database/batches.ts'
import type { CollectionOf } from '../database/database.ts'
import { hashSecret } from '../secrets.ts'

declare module 'fastify' {
  interface Session {
    /** The signed-in user; undefined before sign-in. */
    _id?: ObjectId
    /** When the session's row was written; undefined without a row. */
    startedAt?: Date
    /** The hashes of the sessions that this one replaced at sign-in, newest first: their callbacks may still arrive. */
    earlier?: string[]
  }
}

export interface SessionRecord {
  /** SHA-256 of the session id: a stolen database opens no session. */
  _id: string
  userId: ObjectId | null
  /** A single one in rows of earlier versions. */
  earlier: string[] | string | null
  startedAt: Date
  seenAt: Date
  expiresAt: Date
}

export const sessionCollection: CollectionOf<SessionRecord> = {
  name: 'sessions',
  indexes: [{ key: { expiresAt: 1 }, expireAfterSeconds: 0 }, { key: { userId: 1 } }]
}

export interface MongoSessionStore extends SessionStore {
  /** The ids, as flows know them, of a user's sessions and of those they replaced at sign-in. */
  idsOfUser(userId: ObjectId): Promise<string[]>
  removeOfUser(userId: ObjectId): Promise<void>
  /** Whether the user's session is still valid; asking does not count as use. */
  isLive(sessionId: string, userId: ObjectId): Promise<boolean>
}

/**
 * Sessions in MongoDB, with idle and absolute limits kept here and not in the cookie. A session that was read is
 * only ever updated: a request still in flight while another signs out cannot bring the row back.
 */
export function createSessionStore(options: {
  collection: Collection<SessionRecord>
  clock: Clock
  idleSeconds: number
  maxSeconds: number
  isUser: (userId: ObjectId) => Promise<boolean>
}): MongoSessionStore {
  const { collection, clock, isUser } = options
  const find = createBatchedFind(collection)
  const idleMs = options.idleSeconds * 1000
  const maxMs = options.maxSeconds * 1000
  // Use is noted this often at most, so that reading a session seldom writes.
  const noteMs = Math.min(60_000, idleMs / 10)

  const expiry = (startedAtMs: number, nowMs: number) => new Date(Math.min(startedAtMs + maxMs, nowMs + idleMs))

  async function write(sessionId: string, session: Session): Promise<void> {
    const _id = hashSecret(sessionId)
    const now = new Date(clock.nowMs())
    const content = { userId: session._id ?? null, earlier: session.earlier ?? null }
    if (session.startedAt) await collection.updateOne({ _id }, { $set: content })
    else {
      session.startedAt = now
      await collection.insertOne({
        _id,
        ...content,
        startedAt: now,
        seenAt: now,
        expiresAt: expiry(now.getTime(), now.getTime())
      })
    }
    // Erasing a user removes the user first and the sessions then: a session that was stored after that is deleted here.
    if (content.userId && !(await isUser(content.userId))) await collection.deleteOne({ _id })
  }

  async function read(sessionId: string): Promise<Session | null> {
    const _id = hashSecret(sessionId)
    const record = await find(_id)
    const nowMs = clock.nowMs()
    // MongoDB sweeps expired rows once a minute; until then they are refused here.
    if (!record || record.expiresAt.getTime() <= nowMs) return null
    if (nowMs - record.seenAt.getTime() >= noteMs) {
      const seen = { seenAt: new Date(nowMs), expiresAt: expiry(record.startedAt.getTime(), nowMs) }
      await collection.updateOne({ _id }, { $set: seen })
    }
    const { startedAt, userId, earlier } = record
    return { startedAt, ...(userId && { _id: userId }), ...(earlier && { earlier: [earlier].flat() }) } as Session
  }

  return {
    set(sessionId, session, callback) {
      write(sessionId, session).then(() => callback(), callback)
    },
    get(sessionId, callback) {
      read(sessionId).then(session => callback(null, session), callback)
    },
    destroy(sessionId, callback) {
      collection.deleteOne({ _id: hashSecret(sessionId) }).then(() => callback(), callback)
    },
    async idsOfUser(userId) {
      const records = await collection.find({ userId }, { projection: { earlier: 1 } }).toArray()
      return records.flatMap(({ _id, earlier }) => [_id, ...[earlier ?? []].flat()])
    },
    async removeOfUser(userId) {
      await collection.deleteMany({ userId })
    },
    async isLive(sessionId, userId) {
      const living = { _id: hashSecret(sessionId), userId, expiresAt: { $gt: new Date(clock.nowMs()) } }
      return (await collection.findOne(living, { projection: { _id: 1 } })) !== null
    }
  }
}
