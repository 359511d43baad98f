import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Collection, ObjectId } from 'mongodb'
import type { Clock } from '../clock.ts'
import { isDuplicateKey } from '../database/database.ts'
import { hasCode } from '../errors.ts'
import type { TokenEndpoint } from '../google/token-endpoint.ts'
import type { Vault } from '../vault/vault.ts'
import { type ConnectionRecord, openToken, sealToken } from './record.ts'
import type { ConnectionRepository } from './repository.ts'

/** What became of a grant at Google: gone, still owed, or kept because another connection stands on it. */
export type Revoked = 'confirmed' | 'pending' | 'kept'

/** One Google account whose grant is, or was lately, being revoked. */
export interface RevocationRecord {
  /** The account's `sub`. */
  _id: string
  lease: { owner: string; until: Date } | null
  /**
   * When a call to Google last ended, or while one is under way, will have ended at the latest: tokens that were asked
   * for before it may have died with the grant.
   */
  lastRevokedAt: Date | null
  forgetAt: Date
}

export interface Revocations {
  /** Pays what is owed for that account, now. */
  settle(sub: string): Promise<Revoked>
  /** Pays what has come due, for whatever reason it was left, until it is told to stop. */
  settleDue(signal: AbortSignal): Promise<void>
  /** Owes the revocation of a grant that no connection was made of. */
  owe(grant: { userId: ObjectId; service: string; sub: string; token: string }): Promise<void>
  /**
   * For a connection that was just stored: what is owed for its account is dropped, and a revocation under way is waited
   * for. True if one ended since `askedAtMs`, so that the new grant may have died with the old.
   */
  dropFor(sub: string, askedAtMs: number): Promise<boolean>
}

/** Longer than one call to Google; taken anew before each. */
const leaseMs = 20_000
const pollMs = 100
/** Google needs about a minute until a revocation has taken hold everywhere. */
const forgetAfterMs = 3_600_000
const firstRetryMs = 5_000
const longestRetryMs = 3_600_000
const dueAtOnce = 50
/** Buried, paid and told: a record with nothing left to do. */
export const done = { live: false, owed: null, outbox: { $size: 0 } }

/**
 * Revoking takes the whole grant of account × client, with every connection that stands on it. So what is owed is paid
 * under a lease on the account, after a look, right before the call, whether a connection of that account lives.
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
  const inMs = (ms: number) => new Date(clock.nowMs() + ms)

  /** For the call it must have been held without a break: whoever stored a connection in one saw no revocation under way. */
  async function takeLease(sub: string, owner: string, { forCall = false } = {}): Promise<boolean> {
    const free = forCall
      ? { _id: sub, 'lease.owner': owner, 'lease.until': { $gt: inMs(0) } }
      : { _id: sub, $or: [{ lease: null }, { 'lease.until': { $lte: inMs(0) } }] }
    const until = inMs(leaseMs)
    // Noted before the call: a process that dies in it leaves word that it may have been made.
    const $set = { lease: { owner, until }, forgetAt: inMs(forgetAfterMs), ...(forCall && { lastRevokedAt: until }) }
    try {
      const { matchedCount, upsertedCount } = await collection.updateOne(
        free,
        { $set, ...(!forCall && { $setOnInsert: { lastRevokedAt: null } }) },
        { upsert: !forCall }
      )
      return matchedCount + upsertedCount > 0
    } catch (error) {
      // The upsert found no free one and could not make a second.
      if (isDuplicateKey(error)) return false
      throw error
    }
  }

  const debtsOf = (sub: string) => connections.find({ 'account.sub': sub, live: false, owed: { $ne: null } }).toArray()

  /** What is buried is done with: its token goes now, the record once its events have left. */
  async function forget(debts: readonly ConnectionRecord[]): Promise<void> {
    const buried = { _id: { $in: debts.map(({ _id }) => _id) }, live: false }
    await connections.updateMany(buried, { $set: { owed: null, refreshToken: '' } })
    await connections.deleteMany({ ...buried, ...done })
  }

  /**
   * Drops debts that were read before it is seen that a connection of their account lives: what is buried later, that
   * connection too, leaves a debt of its own.
   */
  async function dropIfAlive(sub: string, debts: readonly ConnectionRecord[]): Promise<boolean> {
    const lives = await repository.hasLivingAccount(sub)
    if (lives) await forget(debts)
    return lives
  }

  async function pay(debt: ConnectionRecord): Promise<'paid' | 'refused' | 'unsealable'> {
    try {
      await tokenEndpoint.revoke(openToken(vault, debt, 'refreshToken', debt.refreshToken))
      await forget([debt])
      return 'paid'
    } catch (error) {
      const attempts = (debt.owed?.attempts ?? 0) + 1
      const owed = { attempts, nextAttemptAt: inMs(Math.min(firstRetryMs * 2 ** (attempts - 1), longestRetryMs)) }
      await connections.updateOne({ _id: debt._id, live: false }, { $set: { owed } })
      return hasCode(error, 'unsealable') ? 'unsealable' : 'refused'
    }
  }

  async function settle(sub: string): Promise<Revoked> {
    const owner = randomUUID()
    if (!(await takeLease(sub, owner))) return 'pending'
    let called = false
    let outcome: Revoked = 'confirmed'
    try {
      const debts = await debtsOf(sub)
      // Another replica was faster; what came of it shows.
      if (debts.length === 0) return (await repository.hasLivingAccount(sub)) ? 'kept' : 'confirmed'
      for (const debt of debts) {
        if (await dropIfAlive(sub, debts)) return 'kept'
        if (!(await takeLease(sub, owner, { forCall: true }))) return 'pending'
        called = true
        const result = await pay(debt)
        if (result !== 'paid') outcome = 'pending'
        // Google is asked for one at a time while it does not answer: whoever waits here, waits for a single call.
        if (result === 'refused') break
      }
      return outcome
    } finally {
      const end = { lease: null, ...(called && { lastRevokedAt: inMs(0) }) }
      await collection.updateOne({ _id: sub, 'lease.owner': owner }, { $set: end })
    }
  }

  return {
    settle,

    async settleDue(signal) {
      const due = connections.find({ 'owed.nextAttemptAt': { $lte: inMs(0) } }, { projection: { 'account.sub': 1 } })
      const subs = (await due.limit(dueAtOnce).toArray()).map(({ account }) => account.sub)
      for (const sub of new Set(subs)) if (!signal.aborted) await settle(sub)
      // A process that died right before its own delete left one behind.
      await connections.deleteMany(done)
    },

    async owe({ userId, service, sub, token }) {
      const owned = { _id: new ObjectId(), userId }
      const now = inMs(0)
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
        owed: { attempts: 0, nextAttemptAt: now },
        outbox: [],
        warnedOf: null,
        createdAt: now,
        updatedAt: now,
        lastRefreshedAt: null
      })
    },

    async dropFor(sub, askedAtMs) {
      for (;;) {
        const revocation = await collection.findOne({ _id: sub })
        if (!revocation) return false
        if (!revocation.lease || revocation.lease.until.getTime() <= clock.nowMs()) {
          await dropIfAlive(sub, await debtsOf(sub))
          return (revocation.lastRevokedAt?.getTime() ?? 0) >= askedAtMs
        }
        await delay(pollMs)
      }
    }
  }
}
