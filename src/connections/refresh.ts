import { setTimeout as delay } from 'node:timers/promises'
import type { ObjectId } from 'mongodb'
import type { Clock } from '../clock.ts'
import { createLeases, type Lease } from '../database/lease.ts'
import { GuichetError } from '../errors.ts'
import type { TokenAnswer } from '../google/token-answer.ts'
import { type TokenEndpoint, TokenEndpointError } from '../google/token-endpoint.ts'
import type { Vault } from '../vault/vault.ts'
import { toReason } from './reason.ts'
import { type ConnectionRecord, openToken, type Reason, sealToken, secondsLeft } from './record.ts'
import type { ConnectionRepository } from './repository.ts'

/**
 * Refreshes a connection, or waits for the replica that does; resolves to the record once its tokens are another version's.
 * @throws GuichetError `google_unavailable`, `google_misconfigured`, `google_invalid_response`, `not_found`, `unsealable`
 */
export type Refresh = (stale: ConnectionRecord) => Promise<ConnectionRecord>

export interface RefreshOptions {
  repository: ConnectionRepository
  tokenEndpoint: TokenEndpoint
  vault: Vault
  clock: Clock
  onDead: (connection: ConnectionRecord) => void
  /** Called for each refresh at Google, with the fault if it failed. */
  onRefresh: (fault: TokenEndpointError | undefined) => void
  /** Called with a refresh token whose connection is gone. */
  onOrphan: (connection: ConnectionRecord, refreshToken: string) => Promise<void>
}

/** Longer than the call to Google may take, so that no second holder calls while the first still might write. */
const leaseMs = 20_000
const waitMs = 12_000
const pollMs = 50
/** Where Google does not say how long to wait. */
const maxCooldownMs = 30_000
/** Where it does: its Retry-After counts, up to this. */
const maxRetryAfterSeconds = 120
const sameEndMs = 60_000
/** What the lease and the handler have left after a call to Google that took its whole time. */
const keepMs = 8_000

/**
 * One refresh for all replicas: a lease in the record, and a result written by compare-and-set, so that a holder who was
 * paused cannot overwrite a newer token.
 */
export function createRefresh(options: RefreshOptions): Refresh {
  const { repository, tokenEndpoint, vault, clock, onDead, onRefresh, onOrphan } = options
  const leases = createLeases(clock, leaseMs)

  /** Another's refresh is this one's too, unless what it brought has run out since; a dead record is not refreshed again. */
  function isRefreshed(record: ConnectionRecord, stale: ConnectionRecord): boolean {
    return record.version !== stale.version && (record.deadReason !== null || secondsLeft(record, clock.nowMs()) >= 1)
  }

  async function callGoogle(held: ConnectionRecord, { owner }: Lease, askedAtMs: number): Promise<ConnectionRecord> {
    try {
      const refreshToken = openToken(vault, held, 'refreshToken', held.refreshToken)
      const answer = await tokenEndpoint.refresh(refreshToken)
      onRefresh(undefined)
      return await keepTokens(held, answer, askedAtMs)
    } catch (error) {
      if (error instanceof TokenEndpointError) onRefresh(error)
      if (error instanceof TokenEndpointError && error.fault === 'invalid_grant')
        return markDead(held, toReason(error, held, askedAtMs))
      const failure = error instanceof TokenEndpointError ? toTransient(error) : error
      const cooldown = failure instanceof GuichetError && failure.details.retryAfterSeconds
      await repository.endLease(held._id, owner, cooldown ? new Date(clock.nowMs() + cooldown * 1000) : null)
      throw failure
    }
  }

  /** With a new refresh token the old one is dead at Google: while there is time, a database that fails is asked again. */
  async function keepTokens(held: ConnectionRecord, answer: TokenAnswer, askedAtMs: number): Promise<ConnectionRecord> {
    const deadlineMs = performance.now() + keepMs
    for (;;) {
      try {
        return await replaceTokens(held, answer, askedAtMs)
      } catch (error) {
        if (error instanceof GuichetError || !answer.refreshToken || performance.now() > deadlineMs) throw error
        await delay(pollMs + Math.random() * pollMs)
      }
    }
  }

  /** Durable before anyone sees it; where another version was written meanwhile, that one is the newer. */
  async function replaceTokens(
    held: ConnectionRecord,
    answer: TokenAnswer,
    askedAtMs: number
  ): Promise<ConnectionRecord> {
    const now = new Date(clock.nowMs())
    const { refreshTokenExpiresInSeconds } = answer
    const refreshTokenExpiresAt =
      refreshTokenExpiresInSeconds && new Date(askedAtMs + refreshTokenExpiresInSeconds * 1000)
    const hasOutlivedItsEnd = held.refreshTokenExpiresAt && held.refreshTokenExpiresAt.getTime() <= askedAtMs
    const written = await repository.update(held, {
      accessToken: sealToken(vault, held, 'accessToken', answer.accessToken),
      accessTokenExpiresAt: new Date(askedAtMs + answer.expiresInSeconds * 1000),
      ...(answer.refreshToken && {
        refreshToken: sealToken(vault, held, 'refreshToken', answer.refreshToken)
      }),
      ...(hasOutlivedItsEnd && { refreshTokenExpiresAt: null }),
      ...(refreshTokenExpiresAt && {
        refreshTokenExpiresAt,
        // Google repeats the same expiry in whole seconds: a small difference is not a new one.
        ...(refreshTokenExpiresAt.getTime() > (held.warnedOf?.getTime() ?? 0) + sameEndMs && { warnedOf: null })
      }),
      ...(answer.scopes && { grantedScopes: answer.scopes }),
      deadReason: null,
      lease: null,
      cooldownUntil: null,
      lastRefreshedAt: now,
      updatedAt: now
    })
    if (written) return written
    const current = await repository.find(held._id)
    // The token that was presented is dead, replaced by this one: a record that still holds it needs the new one, be it
    // dead because another holder presented it too, or alive by a callback that brought none.
    if (current && answer.refreshToken && hasSameRefreshToken(current, held))
      return replaceTokens(current, answer, askedAtMs)
    if (current) return current
    // Disconnected meanwhile: a rotated refresh token is one that the disconnecting did not know.
    if (answer.refreshToken) await onOrphan(held, answer.refreshToken)
    throw new GuichetError('not_found')
  }

  /** By what is inside: `vault rotate` may have sealed it again. */
  function hasSameRefreshToken(one: ConnectionRecord, other: ConnectionRecord): boolean {
    const [first, second] = [one, other].map(record => openToken(vault, record, 'refreshToken', record.refreshToken))
    return first === second
  }

  /** By the same compare-and-set, so that a reconnect meanwhile wins. The refresh token stays: disconnecting still revokes it. */
  async function markDead(held: ConnectionRecord, deadReason: Reason): Promise<ConnectionRecord> {
    const change = { deadReason, accessToken: null, lease: null, updatedAt: new Date(clock.nowMs()) }
    const written = await repository.update(held, change)
    if (!written) return requireRecord(held._id)
    onDead(written)
    return written
  }

  async function requireRecord(id: ObjectId): Promise<ConnectionRecord> {
    const record = await repository.find(id)
    if (!record) throw new GuichetError('not_found')
    return record
  }

  return async stale => {
    const deadlineMs = performance.now() + waitMs
    for (;;) {
      const nowMs = clock.nowMs()
      const lease = leases.begin()
      const held = await repository.takeLease(stale._id, lease, leases.free(), new Date(nowMs))
      if (held && isRefreshed(held, stale)) {
        await repository.endLease(held._id, lease.owner, null)
        return held
      }
      if (held) return callGoogle(held, lease, nowMs)
      const current = await requireRecord(stale._id)
      if (isRefreshed(current, stale)) return current
      const coolsForMs = (current.cooldownUntil?.getTime() ?? 0) - nowMs
      if (coolsForMs > 0)
        throw new GuichetError('google_unavailable', { retryAfterSeconds: Math.ceil(coolsForMs / 1000) })
      if (performance.now() > deadlineMs)
        throw new GuichetError('google_unavailable', { detail: 'Another refresh is under way.' })
      await delay(pollMs + Math.random() * pollMs)
    }
  }
}

const codes = {
  operator: 'google_misconfigured',
  invalid_response: 'google_invalid_response',
  transient: 'google_unavailable',
  invalid_grant: 'google_unavailable'
} as const

/** The operator's fault or a passing one: no connection is changed. */
function toTransient(error: TokenEndpointError): GuichetError {
  const retryAfterSeconds = Math.min(error.retryAfterSeconds ?? cooldownSeconds(), maxRetryAfterSeconds)
  return new GuichetError(codes[error.fault], { cause: error, retryAfterSeconds: Math.max(1, retryAfterSeconds) })
}

/** Half of the cooldown is fixed and half random, so that replicas do not retry at the same moment. */
function cooldownSeconds(): number {
  return Math.ceil((maxCooldownMs / 1000) * (0.5 + Math.random() / 2))
}
