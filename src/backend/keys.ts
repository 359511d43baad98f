import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Collection } from 'mongodb'
import type { Clock } from '../clock.ts'
import type { CollectionOf } from '../database/database.ts'
import { createSecret, hashSecret } from '../secrets.ts'

/** What a backend key may do. */
export const operations = [
  'tokens:vend',
  'connections:read',
  'connections:delete',
  'tickets:create',
  'gmail:read',
  'gmail:modify',
  'gmail:send',
  'calendar:read',
  'events:read'
] as const
export type Operation = (typeof operations)[number]

export interface BackendKeyRecord {
  /** Stands in the key itself, in logs and in the audit trail. */
  _id: string
  /** SHA-256 of the whole key, which is shown once and kept nowhere. */
  hash: string
  name: string
  operations: Operation[]
  /** The services it is narrowed to; null for all. */
  services: string[] | null
  createdAt: Date
  expiresAt: Date | null
  revokedAt: Date | null
}

export const backendKeyCollection: CollectionOf<BackendKeyRecord> = { name: 'backendKeys', indexes: [] }

export type NewBackendKey = Pick<BackendKeyRecord, 'name' | 'operations' | 'services' | 'expiresAt'>

export interface BackendKeys {
  /** The key itself, this once. */
  create(key: NewBackendKey): Promise<{ id: string; key: string }>
  list(): Promise<BackendKeyRecord[]>
  /** False if there is no valid key of that id. */
  revoke(id: string): Promise<boolean>
  /** The key that was presented, if it is valid; a revoked one is refused here within three seconds. */
  authenticate(presented: string): Promise<BackendKeyRecord | undefined>
  /** Whether that key was valid here before, or cannot be a key: looking up any other costs a database read. */
  isFamiliar(presented: string): boolean
}

const pattern = /^gk_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/
const cacheMs = 3_000
const maxCached = 10_000

/** Keys of backends: 256 bits, made on the command line, stored hashed. */
export function createBackendKeys(options: { collection: Collection<BackendKeyRecord>; clock: Clock }): BackendKeys {
  const { collection, clock } = options
  // Only valid keys are kept: a vend then costs one read, that of its connection.
  const cache = new Map<string, { record: BackendKeyRecord; readAtMs: number }>()

  const lives = ({ revokedAt, expiresAt }: BackendKeyRecord) =>
    revokedAt === null && (expiresAt === null || expiresAt.getTime() > clock.nowMs())

  async function read(id: string, hash: string): Promise<BackendKeyRecord | undefined> {
    const record = await collection.findOne({ _id: id })
    return record && timingSafeEqual(Buffer.from(record.hash), Buffer.from(hash)) ? record : undefined
  }

  return {
    async create(key) {
      const id = randomBytes(8).toString('hex')
      const secret = `gk_${id}_${createSecret()}`
      const createdAt = new Date(clock.nowMs())
      await collection.insertOne({ _id: id, hash: hashSecret(secret), ...key, createdAt, revokedAt: null })
      return { id, key: secret }
    },

    list: () => collection.find().sort({ createdAt: 1 }).toArray(),

    async revoke(id) {
      const { modifiedCount } = await collection.updateOne(
        { _id: id, revokedAt: null },
        { $set: { revokedAt: new Date(clock.nowMs()) } }
      )
      return modifiedCount === 1
    },

    isFamiliar: presented => !pattern.test(presented) || cache.has(hashSecret(presented)),

    async authenticate(presented) {
      const id = pattern.exec(presented)?.[1]
      if (!id) return undefined
      const hash = hashSecret(presented)
      const cached = cache.get(hash)
      const age = cached ? clock.nowMs() - cached.readAtMs : cacheMs
      // A clock that was set back would keep it for as long: an age below zero does not count.
      if (cached && age >= 0 && age < cacheMs) return lives(cached.record) ? cached.record : undefined
      const readAtMs = clock.nowMs()
      const record = await read(id, hash)
      if (!record || !lives(record)) {
        cache.delete(hash)
        return undefined
      }
      if (cache.size >= maxCached) cache.clear()
      cache.set(hash, { record, readAtMs })
      return record
    }
  }
}
