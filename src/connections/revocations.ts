import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Collection, ObjectId } from 'mongodb'
import type { Clock } from '../clock.ts'
import { createBatchedFind } from '../database/batches.ts'
import type { CollectionOf } from '../database/database.ts'
import { isDuplicateKey } from '../database/errors.ts'
import { inTurn } from '../database/in-turn.ts'
import { createLeases, type Lease } from '../database/lease.ts'
import { hasCode } from '../errors.ts'
import type { TokenEndpoint } from '../google/token-endpoint.ts'
import type { Vault } from '../vault/vault.ts'
import { type ConnectionRecord, finished, openToken, sealToken } from './record.ts'
import type { ConnectionRepository } from './repository.ts'

/** The state of a grant at Google: revoked, still queued, or kept because another connection uses it. */
export type Revoked = 'confirmed' | 'pending' | 'kept'

/** One Google account whose grant is, or was lately, being revoked. */
export interface RevocationRecord {
  /** The account's `sub`. */
  _id: string
  lease: Lease | null
  /**
   * When a call to Google last ended, or while one is under way, will have ended at the latest: tokens that were asked
   * for before it may have died with the grant.
   */
  lastRevokedAt: Date | null
  forgetAt: Date
}

export const revocationCollection: CollectionOf<RevocationRecord> = {
  name: 'revocations',
  indexes: [{ key: { forgetAt: 1 }, expireAfterSeconds: 0 }]
}

export interface Revocations {
  /** Attempts what is queued for that account, now. */
  drain(sub: string): Promise<Revoked>
  /** Attempts whatever is due, for every account, until it is told to stop. */
  drainDue(signal: AbortSignal): Promise<void>
  /** Queues the revocation of a grant that no connection was made of. */
  enqueue(grant: { userId: ObjectId; service: string; sub: string; token: string }): Promise<void>
  /**
   * For a connection that was just stored: what is queued for its account is cancelled, and a revocation under way is
   * waited for. True if one ended since `askedAtMs`, so that the new grant may have died with the old.
   */
  cancelFor(sub: string, askedAtMs: number): Promise<boolean>
}

/** Longer than one call to Google; renewed before each. */
const leaseMs = 20_000
const pollMs = 100
/** Google needs about a minute until a revocation has taken hold everywhere. */
const forgetAfterMs = 3_600_000
const firstRetryMs = 5_000
const longestRetryMs = 3_600_000
const dueAtOnce = 50

/**
 * Revoking takes the whole grant of account × client, with every connection that stands on it. So the queue is drained
 * under a lease on the account, and right before each call it is checked that no connection of that account lives.
 */
export function createRevocations(options: {
  collection: Collection<RevocationRecord>
  connections: Collection<ConnectionRecord>
  repository: ConnectionRepository
  tokenEndpoint: TokenEndpoint
  vault: Vault
  clock: Clock
}): Revocations {
  const { collection, connections, repository, tokenEndpoint, vault, clock } = options
  const leases = createLeases(clock, leaseMs)
  const find = createBatchedFind(collection)
  const fromNow = (ms: number) => new Date(clock.nowMs() + ms)

  async function takeLease(sub: string, owner: string): Promise<boolean> {
    try {
      const { matchedCount, upsertedCount } = await collection.updateOne(
        { _id: sub, ...leases.free() },
        {
          $set: { lease: leases.begin(owner), forgetAt: fromNow(forgetAfterMs) },
          $setOnInsert: { lastRevokedAt: null }
        },
        { upsert: true }
      )
      return matchedCount + upsertedCount > 0
    } catch (error) {
      // The upsert found no free one and could not make a second.
      if (isDuplicateKey(error)) return false
      throw error
    }
  }

  /** Before a call the lease must have been held without a break: a callback that stored a connection in one saw no revocation under way. */
  async function renewLease(sub: string, owner: string): Promise<boolean> {
    const lease = leases.begin(owner)
    const { matchedCount } = await collection.updateOne(
      { _id: sub, ...leases.heldBy(owner) },
      // Noted before the call: after a crash in it, others know that it may have been made.
      { $set: { lease, forgetAt: fromNow(forgetAfterMs), lastRevokedAt: lease.until } }
    )
    return matchedCount > 0
  }

  const queueOf = (sub: string) =>
    connections.find({ 'account.sub': sub, live: false, pendingRevocation: { $ne: null } }).toArray()

  /** Takes revocations off the queue: the token goes now, the record once its events are listed. */
  async function dequeue(queued: readonly ConnectionRecord[]): Promise<void> {
    const records = { _id: { $in: queued.map(({ _id }) => _id) }, live: false }
    await connections.updateMany(records, { $set: { pendingRevocation: null, refreshToken: '' } })
    await connections.deleteMany({ ...records, ...finished })
  }

  /** The queue is read before the look at what lives: a connection that is ended after that queues its own revocation. */
  async function cancelIfAlive(sub: string, queued: readonly ConnectionRecord[]): Promise<boolean> {
    const lives = await repository.hasLivingAccount(sub)
    if (lives) await dequeue(queued)
    return lives
  }

  async function attempt(queued: ConnectionRecord): Promise<'revoked' | 'refused' | 'unsealable'> {
    try {
      await tokenEndpoint.revoke(openToken(vault, queued, 'refreshToken', queued.refreshToken))
      await dequeue([queued])
      return 'revoked'
    } catch (error) {
      const attempts = (queued.pendingRevocation?.attempts ?? 0) + 1
      const nextAttemptAt = fromNow(Math.min(firstRetryMs * 2 ** (attempts - 1), longestRetryMs))
      const pendingRevocation = { attempts, nextAttemptAt }
      await connections.updateOne({ _id: queued._id, live: false }, { $set: { pendingRevocation } })
      if (hasCode(error, 'unsealable')) return 'unsealable'
      // Google refuses revocations of this account: the others in its queue wait as long, so that other accounts get their turn.
      await connections.updateMany(
        {
          'account.sub': queued.account.sub,
          live: false,
          'pendingRevocation.nextAttemptAt': { $lte: nextAttemptAt }
        },
        { $set: { 'pendingRevocation.nextAttemptAt': nextAttemptAt } }
      )
      return 'refused'
    }
  }

  async function drain(sub: string): Promise<Revoked> {
    const owner = randomUUID()
    if (!(await takeLease(sub, owner))) return 'pending'
    let called = false
    let outcome: Revoked = 'confirmed'
    try {
      const queue = await queueOf(sub)
      // Another replica was faster: the database shows the result.
      if (queue.length === 0) return (await repository.hasLivingAccount(sub)) ? 'kept' : 'confirmed'
      for (const queued of queue) {
        if (await cancelIfAlive(sub, queue)) return 'kept'
        if (!(await renewLease(sub, owner))) return 'pending'
        called = true
        const result = await attempt(queued)
        if (result !== 'revoked') outcome = 'pending'
        // While Google does not answer, a request that waits here waits for a single call.
        if (result === 'refused') break
      }
      return outcome
    } finally {
      const end = { lease: null, ...(called && { lastRevokedAt: fromNow(0) }) }
      await collection.updateOne({ _id: sub, 'lease.owner': owner }, { $set: end })
    }
  }

  return {
    drain,

    async drainDue(signal) {
      const due = connections.find(
        { 'pendingRevocation.nextAttemptAt': { $lte: fromNow(0) } },
        { projection: { 'account.sub': 1 } }
      )
      const subs = (await due.sort({ 'pendingRevocation.nextAttemptAt': 1 }).limit(dueAtOnce).toArray()).map(
        ({ account }) => account.sub
      )
      await inTurn(new Set(subs), drain, signal)
      // A process that died right before its own delete left one behind.
      await connections.deleteMany(finished)
    },

    async enqueue({ userId, service, sub, token }) {
      const owned = { _id: new ObjectId(), userId }
      const now = fromNow(0)
      await connections.insertOne({
        ...owned,
        live: false,
        service,
        account: { sub, email: '' },
        deadReason: null,
        grantedScopes: [],
        accessToken: null,
        refreshToken: sealToken(vault, owned, 'refreshToken', token),
        accessTokenExpiresAt: now,
        refreshTokenExpiresAt: null,
        version: 0,
        lease: null,
        cooldownUntil: null,
        pendingRevocation: { attempts: 0, nextAttemptAt: now },
        outbox: [],
        warnedOf: null,
        createdAt: now,
        updatedAt: now,
        lastRefreshedAt: null
      })
    },

    async cancelFor(sub, askedAtMs) {
      for (;;) {
        const revocation = await find(sub)
        if (!revocation) return false
        if (!leases.runs(revocation.lease)) {
          await cancelIfAlive(sub, await queueOf(sub))
          return (revocation.lastRevokedAt?.getTime() ?? 0) >= askedAtMs
        }
        await delay(pollMs)
      }
    }
  }
}
