import { missingScopes } from '../catalogue.ts'
import type { LiveTokens } from '../connections/live-token.ts'
import type { ConnectionRecord } from '../connections/record.ts'
import { GuichetError, hasCode } from '../errors.ts'
import { AccessTokenRefused } from './gmail/google-error.ts'

/** Calls Google with a connection's token. */
export type Access = <T>(call: (accessToken: string) => Promise<T>) => Promise<T>

export type OpenAccess = (connection: ConnectionRecord, needed: { service: string; scope: string }) => Access

/**
 * What any service's code calls Google through. The scope is checked before each call, the token is refreshed before it
 * expires, and once more if Google refuses it all the same; `call` throws AccessTokenRefused for that.
 * @throws (the result) GuichetError `not_found` where the connection is of another service, `missing_scopes`,
 * `needs_reconnect`, and what `call` throws
 */
export function createOpenAccess(options: {
  liveToken: LiveTokens
  connectUrl: (connection: ConnectionRecord) => string
  /** Forces a consent: what Google refuses although the record is in order, nothing less can mend. */
  freshConnectUrl: (service: string) => string
}): OpenAccess {
  const { liveToken, connectUrl, freshConnectUrl } = options

  return (connection, { service, scope }) => {
    if (connection.service !== service) throw new GuichetError('not_found')
    requireScope(connection)

    function requireScope(current: ConnectionRecord): void {
      const missing = missingScopes([scope], current.grantedScopes)
      if (missing.length > 0)
        throw new GuichetError('missing_scopes', { missingScopes: missing, connectUrl: connectUrl(current) })
    }
    async function tokenOf(refused?: string): Promise<string> {
      const token = await liveToken(connection, refused === undefined ? {} : { refused })
      // A refresh may have brought less than was granted before.
      requireScope(token.connection)
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

    return async call => {
      const token = await tokenOf()
      try {
        return await call(token)
      } catch (error) {
        if (!(error instanceof AccessTokenRefused)) throw withWayOut(error)
      }
      // Nothing was done: Google refuses before it acts.
      const renewed = await tokenOf(token)
      try {
        return await call(renewed)
      } catch (error) {
        if (!(error instanceof AccessTokenRefused)) throw withWayOut(error)
        throw new GuichetError('needs_reconnect', { reason: 'revoked', connectUrl: freshConnectUrl(service) })
      }
    }
  }
}
