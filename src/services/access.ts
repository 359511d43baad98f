import { missingScopes } from '../catalogue.ts'
import type { LiveTokens } from '../connections/live-token.ts'
import type { ConnectionRecord } from '../connections/record.ts'
import { CodedError, GuichetError, hasCode } from '../errors.ts'

/** Google refuses this access token: refresh once; if the fresh one is refused too, the connection is at fault. */
export class AccessTokenRefused extends Error {
  override name = 'AccessTokenRefused'
}

/** Calls Google with a connection's token, within the time that the request has. */
export interface Access {
  /** The record, as of the last refresh. */
  readonly connection: ConnectionRecord
  /** No call begins later than this: it could not end in time. */
  readonly lastStartMs: number
  /** A token that lives, for a call that begins now: refreshed before it expires. */
  token(): Promise<string>
  /**
   * Makes the call with that token; once more with a renewed one if `send` throws AccessTokenRefused. `leftMs` is what the
   * request has left for the answer, so that a slow Google is reported as such before the handler's time is up.
   */
  call<T>(token: string, send: (token: string, leftMs: number) => Promise<T>): Promise<T>
}

export interface Needed {
  service: string
  scope: string
  /** The time the caller has. Default 25 s. */
  withinMs?: number | undefined
}

export type OpenAccess = (connection: ConnectionRecord, needed: Needed) => Access

const usualTimeMs = 25_000
/** What the answer needs after the last call. */
const answerMs = 1_000

/**
 * What every service's code calls Google through. The scope is checked before each call, and after each refresh.
 * @throws (the result) GuichetError `not_found` where the connection is of another service, `missing_scopes`,
 * `needs_reconnect`, `google_unavailable`, and what `send` throws
 */
export function createOpenAccess(options: {
  liveToken: LiveTokens
  /** Bound of a call to Google. */
  timeoutMs: number
  nowMs: () => number
  connectUrl: (connection: ConnectionRecord) => string
  /** Forces a consent: nothing less helps when Google refuses although the record is in order. */
  freshConnectUrl: (service: string) => string
}): OpenAccess {
  const { liveToken, timeoutMs, nowMs, connectUrl, freshConnectUrl } = options
  const refusals = createRefusals(nowMs)

  return (connection, { service, scope, withinMs = usualTimeMs }) => {
    if (connection.service !== service) throw new GuichetError('not_found')
    /** The record whose scopes were enough. */
    let checked: ConnectionRecord | undefined
    requireScope()
    const endMs = nowMs() + withinMs - answerMs
    const lastStartMs = endMs - timeoutMs

    function requireScope(): void {
      if (connection === checked) return
      const missing = missingScopes([scope], connection.grantedScopes)
      if (missing.length > 0)
        throw new GuichetError('missing_scopes', { missingScopes: missing, connectUrl: connectUrl(connection) })
      checked = connection
    }
    const refusedForGood = () =>
      new GuichetError('needs_reconnect', {
        reason: 'revoked',
        connectUrl: freshConnectUrl(service),
        cause: new CodedError('fresh_token_refused')
      })
    async function tokenBy(untilMs: number, refused?: string): Promise<string> {
      const patienceMs = untilMs - nowMs()
      const token = await liveToken(connection, { patienceMs, ...(refused !== undefined && { refused }) })
      connection = token.connection
      // A refresh may have brought less than was granted before.
      requireScope()
      if (refusals.cools(connection)) throw refusedForGood()
      return token.accessToken
    }
    function withWayOut(error: unknown): unknown {
      if (!hasCode(error, 'missing_scopes')) return error
      return new GuichetError('missing_scopes', {
        missingScopes: [scope],
        connectUrl: freshConnectUrl(service),
        cause: error
      })
    }

    return {
      get connection() {
        return connection
      },
      lastStartMs,
      token: () => tokenBy(lastStartMs),
      async call(token, send) {
        try {
          return await send(token, endMs - nowMs())
        } catch (error) {
          if (!(error instanceof AccessTokenRefused)) throw withWayOut(error)
        }
        // Nothing was done: Google refuses before it acts, so even a write may be sent again.
        const renewed = await tokenBy(endMs, token)
        try {
          return await send(renewed, endMs - nowMs())
        } catch (error) {
          if (!(error instanceof AccessTokenRefused)) throw withWayOut(error)
          refusals.add(connection)
          throw refusedForGood()
        }
      }
    }
  }
}

const maxRefusals = 10_000
const coolMs = 60_000

/**
 * Connections whose fresh token Google refused too. Until their tokens change, or a minute has passed, Google is not asked
 * again: each time would cost a refresh and two calls.
 */
function createRefusals(nowMs: () => number) {
  const known = new Map<string, { version: number; untilMs: number }>()
  return {
    add({ _id, version }: ConnectionRecord): void {
      if (known.size >= maxRefusals) known.clear()
      known.set(_id.toHexString(), { version, untilMs: nowMs() + coolMs })
    },
    cools({ _id, version }: ConnectionRecord): boolean {
      const refusal = known.get(_id.toHexString())
      return refusal !== undefined && refusal.version === version && nowMs() < refusal.untilMs
    }
  }
}
