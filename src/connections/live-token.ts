import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { ObjectId } from 'mongodb'
import type { Clock } from '../clock.ts'
import { GuichetError } from '../errors.ts'
import type { TokenAnswer } from '../google/token-answer.ts'
import { type TokenEndpoint, TokenEndpointError } from '../google/token-endpoint.ts'
import type { Vault } from '../vault/vault.ts'
import { toReason } from './reason.ts'
import { type ConnectionRecord, openToken, type Reason, sealToken } from './record.ts'
import type { ConnectionRepository } from './repository.ts'

/** An access token that lives now. */
export interface LiveToken {
  accessToken: string
  expiresInSeconds: number
  connection: ConnectionRecord
}

export interface LiveTokenOptions {
  /** Refresh first if less than this is left; 60 is the least. */
  minTtlSeconds?: number
  /** An access token that Google just refused: it is not served again. */
  refused?: string
}

export type LiveTokens = (connection: ConnectionRecord, options?: LiveTokenOptions) => Promise<LiveToken>

const minTtlFloorSeconds = 60
/** Longer than the call to Google may take, so that no second holder calls while the first still might write. */
const leaseMs = 20_000
const waitMs = 12_000
const pollMs = 50
const maxCooldownMs = 30_000
const maxRetryAfterSeconds = 120
const sameEndMs = 60_000
/** What the lease and the handler have left after a call to Google that took its whole time. */
const keepMs = 8_000

/**
 * Serves a connection's access token, refreshed once for however many callers and replicas ask: single flight per
 * connection in the process, a lease in the record across processes, and a result written by compare-and-set, so that
 * a holder who was paused cannot overwrite a newer token.
 */
export function createLiveTokens(options: {
  repository: ConnectionRepository
  tokenEndpoint: TokenEndpoint
  vault: Vault
  clock: Clock
  connectUrl: (connection: ConnectionRecord) => string
  onDead: (connection: ConnectionRecord) => void
  /** Hears of each refresh that was asked of Google: the fault, or none. */
  onRefresh: (fault: TokenEndpointError | undefined) => void
  /** A refresh token that came for a connection which is no more. */
  onOrphan: (connection: ConnectionRecord, refreshToken: string) => Promise<void>
}): LiveTokens {
  const { repository, tokenEndpoint, vault, clock, connectUrl, onDead, onRefresh, onOrphan } = options
  const flights = new Map<string, Promise<ConnectionRecord>>()

  const secondsLeft = (record: ConnectionRecord) =>
    Math.floor((record.accessTokenExpiresAt.getTime() - clock.nowMs()) / 1000)

  /** The record's token if it lives for that long and is not the refused one. */
  function serve(record: ConnectionRecord, seconds: number, refused?: string): LiveToken | undefined {
    if (record.deadReason) throw dead(record)
    const expiresInSeconds = secondsLeft(record)
    if (record.accessToken === null || expiresInSeconds < Math.max(seconds, 1)) return undefined
    const accessToken = openToken(vault, record, 'accessToken', record.accessToken)
    return accessToken === refused ? undefined : { accessToken, expiresInSeconds, connection: record }
  }

  function dead(record: ConnectionRecord): GuichetError {
    return new GuichetError('needs_reconnect', {
      reason: record.deadReason ?? 'revoked',
      connectUrl: connectUrl(record)
    })
  }

  /** Another's refresh is this one's too, unless what it brought has run out since; a dead record is not refreshed again. */
  function isRefreshed(record: ConnectionRecord, stale: ConnectionRecord): boolean {
    return record.version !== stale.version && (record.deadReason !== null || secondsLeft(record) >= 1)
  }

  /** One caller refreshes, or waits for the replica that does; resolves to the record once its tokens are another version's. */
  async function refresh(stale: ConnectionRecord): Promise<ConnectionRecord> {
    const owner = randomUUID()
    const deadlineMs = performance.now() + waitMs
    for (;;) {
      const nowMs = clock.nowMs()
      const held = await repository.takeLease(stale._id, { owner, until: new Date(nowMs + leaseMs) }, new Date(nowMs))
      if (held && isRefreshed(held, stale)) {
        await repository.endLease(held._id, owner, null)
        return held
      }
      if (held) return callGoogle(held, owner, nowMs)
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

  async function callGoogle(held: ConnectionRecord, owner: string, askedAtMs: number): Promise<ConnectionRecord> {
    try {
      const refreshToken = openToken(vault, held, 'refreshToken', held.refreshToken)
      const answer = await tokenEndpoint.refresh(refreshToken)
      onRefresh(undefined)
      return await keepTokens(held, answer, askedAtMs)
    } catch (error) {
      if (error instanceof TokenEndpointError) onRefresh(error)
      if (error instanceof TokenEndpointError && error.fault === 'invalid_grant')
        return markDead(held, toReason(error, held, askedAtMs))
      const failure = error instanceof TokenEndpointError ? passing(error) : error
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
        // The same end, told again in whole seconds, is no other one.
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

  /** By what is inside: `vault rotate` may have sealed it anew. */
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

  /** About the operator or about nobody: no connection is touched. */
  function passing(error: TokenEndpointError): GuichetError {
    const retryAfterSeconds = Math.min(error.retryAfterSeconds ?? cooldownSeconds(), maxRetryAfterSeconds)
    const code = error.fault === 'invalid_response' ? 'google_invalid_response' : 'google_unavailable'
    return new GuichetError(code, { cause: error, retryAfterSeconds: Math.max(1, retryAfterSeconds) })
  }

  function singleFlight(record: ConnectionRecord): Promise<ConnectionRecord> {
    const key = record._id.toHexString()
    const running = flights.get(key)
    if (running) return running
    const flight = refresh(record).finally(() => flights.delete(key))
    flights.set(key, flight)
    return flight
  }

  return async (connection, { minTtlSeconds = 0, refused } = {}) => {
    const wanted = Math.max(minTtlFloorSeconds, minTtlSeconds)
    const fresh = serve(connection, wanted, refused)
    if (fresh) return fresh
    try {
      // What Google gives is served as it is, even if it lives for less than was asked.
      const joined = flights.has(connection._id.toHexString())
      const record = await singleFlight(connection)
      const refreshed = serve(record, 1, refused)
      if (refreshed) return refreshed
      // A flight that was under way may bring the very token that this caller was refused: one more follows.
      const renewed = joined && serve(await singleFlight(record), 1, refused)
      if (renewed) return renewed
      throw new GuichetError('google_invalid_response', { detail: 'Google gave a token that is already dead.' })
    } catch (error) {
      if (!(error instanceof GuichetError) || error.status < 502 || error.code === 'unsealable') throw error
      // While Google is down, a token that still lives is served with its true rest; unless its connection ended, or
      // was made anew, while this was waiting.
      const living = serve(await requireRecord(connection._id), 1, refused)
      if (living) return living
      throw error
    }
  }
}

/** Half of the cooldown is fixed and half drawn, so that replicas do not come back together. */
function cooldownSeconds(): number {
  return Math.ceil((maxCooldownMs / 1000) * (0.5 + Math.random() / 2))
}
