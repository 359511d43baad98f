import { gmailModify, gmailReadonly, missingScopes } from '../../catalogue.ts'
import type { LiveTokens } from '../../connections/live-token.ts'
import type { ConnectionRecord } from '../../connections/record.ts'
import { GuichetError } from '../../errors.ts'
import { AccessTokenRefused, type Mailbox } from './gmail.ts'

/** What a Gmail call does to the mailbox, and so which scope it needs. */
export type MailboxUse = 'read' | 'modify'

export type UseMailbox = <T>(
  connection: ConnectionRecord,
  use: MailboxUse,
  call: (mailbox: Mailbox) => Promise<T>
) => Promise<T>

/**
 * Calls Gmail on behalf of a connection: scopes are checked before the call, the token is refreshed before it expires,
 * and once more if Google refuses it all the same.
 */
export function createUseMailbox(options: {
  liveToken: LiveTokens
  openMailbox: (accessToken: string) => Mailbox
  connectUrl: (connection: ConnectionRecord) => string
  /** Forces a consent: what Google refuses although the record is in order, nothing less can mend. */
  freshConnectUrl: (service: string) => string
}): UseMailbox {
  const { liveToken, openMailbox, connectUrl, freshConnectUrl } = options
  return async (connection, use, call) => {
    requireScope(connection, use)
    const token = await liveToken(connection)
    // A refresh may have brought less than was granted before.
    requireScope(token.connection, use)
    try {
      return await call(openMailbox(token.accessToken))
    } catch (error) {
      if (!(error instanceof AccessTokenRefused)) throw withWayOut(error, token.connection, use)
    }
    // Nothing was done: Google refuses before it acts, so even a modify may be sent again.
    const renewed = await liveToken(token.connection, { refused: token.accessToken })
    requireScope(renewed.connection, use)
    try {
      return await call(openMailbox(renewed.accessToken))
    } catch (error) {
      if (!(error instanceof AccessTokenRefused)) throw withWayOut(error, renewed.connection, use)
      throw new GuichetError('needs_reconnect', { reason: 'revoked', connectUrl: freshConnectUrl(connection.service) })
    }
  }

  function requireScope(connection: ConnectionRecord, use: MailboxUse): void {
    if (connection.service !== 'gmail') throw new GuichetError('not_found')
    const missing = missingScopes([scopeOf(use)], connection.grantedScopes)
    if (missing.length > 0)
      throw new GuichetError('missing_scopes', { missingScopes: missing, connectUrl: connectUrl(connection) })
  }

  function withWayOut(error: unknown, connection: ConnectionRecord, use: MailboxUse): unknown {
    if (!(error instanceof GuichetError) || error.code !== 'missing_scopes') return error
    return new GuichetError('missing_scopes', {
      missingScopes: [scopeOf(use)],
      connectUrl: freshConnectUrl(connection.service),
      cause: error
    })
  }
}

function scopeOf(use: MailboxUse): string {
  return use === 'read' ? gmailReadonly : gmailModify
}
