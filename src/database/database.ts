import { type Collection, type Db, type IndexDescription, MongoClient, MongoError, MongoServerError } from 'mongodb'
import type { SessionRecord } from '../accounts/sessions.ts'
import type { TicketRecord } from '../accounts/tickets.ts'
import type { UserRecord } from '../accounts/users.ts'
import type { BackendKeyRecord } from '../backend/keys.ts'
import { ConfigError } from '../config/config.ts'
import type { ConnectionRecord } from '../connections/record.ts'
import type { RevocationRecord } from '../connections/revocations.ts'
import type { ListedEvent } from '../events/event.ts'
import type { FlowRecord } from '../flows/flows.ts'
import type { QuotaRecord } from '../services/gmail/quota.ts'

/** Everything guichet stores. MongoDB is the only thing that replicas share. */
export interface Collections {
  users: Collection<UserRecord>
  sessions: Collection<SessionRecord>
  flows: Collection<FlowRecord>
  tickets: Collection<TicketRecord>
  connections: Collection<ConnectionRecord>
  revocations: Collection<RevocationRecord>
  events: Collection<ListedEvent>
  backendKeys: Collection<BackendKeyRecord>
  gmailQuota: Collection<QuotaRecord>
  /** Facts about the deployment itself, such as the vault's check values. */
  meta: Collection<MetaRecord>
}

export interface MetaRecord {
  _id: string
  checks?: Record<string, string>
  /** The number of the newest event that was ever listed. */
  last?: number
  /** The receiver at a webhook URL answered 410. */
  gone?: boolean
  /** Nothing is delivered to it before this: its Retry-After. */
  pausedUntil?: Date
}

export function createCollections(db: Db): Collections {
  return {
    users: db.collection('users'),
    sessions: db.collection('sessions'),
    flows: db.collection('flows'),
    tickets: db.collection('tickets'),
    connections: db.collection('connections'),
    revocations: db.collection('revocations'),
    events: db.collection('events'),
    backendKeys: db.collection('backendKeys'),
    gmailQuota: db.collection('gmailQuota'),
    meta: db.collection('meta')
  }
}

/**
 * An operation gets 5 s in all: the driver repeats it once when its connection fails, which it may take for a server that
 * it first has to find again. One that takes 2 s is still answered.
 */
const requestTimeoutMS = 2_250
const serverSelectionTimeoutMS = 2_600

/**
 * A client that connects when it is first needed, and again whenever it has to.
 * @throws ConfigError
 */
export function createMongoClient(uri: string, { socketTimeoutMS = requestTimeoutMS } = {}): MongoClient {
  try {
    return new MongoClient(uri, {
      appName: 'guichet',
      serverSelectionTimeoutMS,
      connectTimeoutMS: serverSelectionTimeoutMS,
      waitQueueTimeoutMS: serverSelectionTimeoutMS,
      socketTimeoutMS,
      // Whatever the URI says: a secondary may not know yet of a token, a sibling or a disconnect.
      readPreference: 'primary',
      // An answer says "stored" only when a change of primary cannot take it back.
      writeConcern: { w: 'majority' }
    })
  } catch {
    // The driver's message may quote the string, password and all.
    throw new ConfigError([{ variable: 'MONGODB_URI', problem: 'is not a connection string that the driver accepts' }])
  }
}

/** How long a flow's row outlives its expiry, so that a late callback is told what happened. */
const flowAfterlifeSeconds = 3600
const eventLifeSeconds = 30 * 86_400

const indexes: Record<Exclude<keyof Collections, 'meta' | 'backendKeys'>, IndexDescription[]> = {
  users: [
    // Sparse: a user whom a ticket brought, or who was erased, has neither.
    { key: { issuer: 1, sub: 1 }, unique: true, sparse: true },
    { key: { externalId: 1 }, unique: true, sparse: true },
    { key: { erasedAt: 1 }, sparse: true },
    { key: { 'outbox.id': 1 }, sparse: true }
  ],
  sessions: [{ key: { expiresAt: 1 }, expireAfterSeconds: 0 }, { key: { userId: 1 } }],
  flows: [
    { key: { expiresAt: 1 }, expireAfterSeconds: flowAfterlifeSeconds },
    { key: { sessionId: 1, createdAt: -1 } },
    { key: { userId: 1 } }
  ],
  tickets: [{ key: { expiresAt: 1 }, expireAfterSeconds: 0 }, { key: { externalId: 1 } }],
  connections: [
    { key: { userId: 1, service: 1, 'account.sub': 1 }, unique: true, partialFilterExpression: { live: true } },
    { key: { 'account.sub': 1 } },
    { key: { externalId: 1 }, sparse: true },
    { key: { service: 1, _id: 1 } },
    { key: { deadReason: 1 } },
    { key: { refreshTokenExpiresAt: 1 } },
    { key: { 'owed.nextAttemptAt': 1 }, sparse: true },
    { key: { live: 1 }, partialFilterExpression: { live: false } },
    { key: { 'outbox.id': 1 }, sparse: true },
    { key: { 'watch.dueAt': 1 }, sparse: true },
    { key: { 'watch.address': 1 }, sparse: true }
  ],
  revocations: [{ key: { forgetAt: 1 }, expireAfterSeconds: 0 }],
  gmailQuota: [{ key: { expiresAt: 1 }, expireAfterSeconds: 0 }],
  events: [
    { key: { id: 1 }, unique: true },
    { key: { createdAt: 1 }, expireAfterSeconds: eventLifeSeconds },
    { key: { 'data.connection.userId': 1 }, sparse: true },
    { key: { 'data.connectionId': 1, _id: 1 } },
    { key: { parkedAt: 1 } },
    { key: { 'delivery.nextAttemptAt': 1, _id: 1 } }
  ]
}

/**
 * Makes what is missing and verifies what is there: it fails where an index of that name or key differs.
 * Without the unique ones a race could store two users or two connections for one Google account.
 */
export async function ensureIndexes(db: Db): Promise<void> {
  await Promise.all(Object.entries(indexes).map(([name, wanted]) => db.collection(name).createIndexes(wanted)))
}

/** The server understood and disagreed: a bug of ours, not an outage. BadValue, FailedToParse, TypeMismatch, ImmutableField, DuplicateKey. */
const bugs = new Set<unknown>([2, 9, 14, 66, 11000])

/** Whether the database, not the request, is why `error` was thrown. */
export function isDatabaseUnavailable(error: unknown): boolean {
  return error instanceof MongoError && !(error instanceof MongoServerError && bugs.has(error.code))
}

export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === 11000
}
