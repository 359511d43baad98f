import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import { CodedError, GuichetError } from '../errors.ts'
import { createSingleFlight } from '../single-flight.ts'
import type { Vault } from '../vault/vault.ts'
import { type ConnectionRecord, openToken, secondsLeft } from './record.ts'
import type { Refresh } from './refresh.ts'
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
  /** How long this caller waits for a refresh, in ms; the refresh itself goes on. Default 22 s, three below the handler's time. */
  patienceMs?: number
}

/**
 * Serves a connection's access token, refreshed first where too little of its life is left.
 * @throws GuichetError `needs_reconnect`, `google_unavailable`, `google_invalid_response`, `not_found`, `unsealable`
 */
export type LiveTokens = (connection: ConnectionRecord, options?: LiveTokenOptions) => Promise<LiveToken>

const minTtlFloorSeconds = 60
const usualPatienceMs = 22_000

/** One caller of this process refreshes a connection, and all callers get the result. */
export function createLiveTokens(options: {
  refresh: Refresh
  repository: ConnectionRepository
  vault: Vault
  clock: Clock
  connectUrl: (connection: ConnectionRecord) => string
}): LiveTokens {
  const { refresh, repository, vault, clock, connectUrl } = options
  const flights = createSingleFlight<ConnectionRecord>()
  // A list of mails asks for the token of one record again and again: it is opened once, and forgotten with the record.
  const opened = new WeakMap<ConnectionRecord, string>()
  const refreshOnce = (record: ConnectionRecord) => flights.run(record._id.toHexString(), () => refresh(record))

  /** The record's token if it lives for that long and is not the refused one. */
  function serve(record: ConnectionRecord, seconds: number, refused?: string): LiveToken | undefined {
    if (record.deadReason) {
      throw new GuichetError('needs_reconnect', { reason: record.deadReason, connectUrl: connectUrl(record) })
    }
    const expiresInSeconds = secondsLeft(record, clock.nowMs())
    if (record.accessToken === null || expiresInSeconds < Math.max(seconds, 1)) return undefined
    const accessToken = opened.get(record) ?? openToken(vault, record, 'accessToken', record.accessToken)
    opened.set(record, accessToken)
    return accessToken === refused ? undefined : { accessToken, expiresInSeconds, connection: record }
  }

  /** What Google gives is served as it is, even if it lives for less than was asked. */
  async function renew(connection: ConnectionRecord, refused?: string): Promise<LiveToken> {
    const joined = flights.runs(connection._id.toHexString())
    const record = await refreshOnce(connection)
    const refreshed = serve(record, 1, refused)
    if (refreshed) return refreshed
    // A refresh already running may return the token that Google refused this caller: then one more follows.
    const renewed = joined && serve(await refreshOnce(record), 1, refused)
    if (renewed) return renewed
    throw new GuichetError('google_invalid_response', {
      detail: 'Google gave a token that is already dead.',
      cause: new CodedError('dead_token')
    })
  }

  return async (connection, { minTtlSeconds = 0, refused, patienceMs = usualPatienceMs } = {}) => {
    const wanted = Math.max(minTtlFloorSeconds, minTtlSeconds)
    const fresh = serve(connection, wanted, refused)
    if (fresh) return fresh
    try {
      return await inTime(renew(connection, refused), patienceMs)
    } catch (error) {
      if (!(error instanceof GuichetError) || error.status < 502 || error.code === 'unsealable') throw error
      // While Google is down, a token that is still valid is served with its remaining life; unless its connection ended, or
      // was made again, while this was waiting.
      const current = await repository.find(connection._id)
      if (!current) throw new GuichetError('not_found')
      const living = serve(current, 1, refused)
      if (living) return living
      throw error
    }
  }
}

/** @throws GuichetError `google_unavailable` once the caller's patience is used up: the work goes on for the others */
async function inTime<T>(work: Promise<T>, patienceMs: number): Promise<T> {
  const settled = new AbortController()
  const end = delay(Math.max(0, patienceMs), undefined, { signal: settled.signal }).then(() => {
    throw new GuichetError('google_unavailable', { cause: new CodedError('refresh_outlasts_the_request') })
  })
  try {
    return await Promise.race([work, end])
  } finally {
    settled.abort()
  }
}
