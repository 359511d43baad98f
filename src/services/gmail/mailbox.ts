import { gmailModify, gmailReadonly, missingScopes } from '../../catalogue.ts'
import type { LiveTokens } from '../../connections/live-token.ts'
import type { ConnectionRecord } from '../../connections/record.ts'
import { GuichetError, hasCode } from '../../errors.ts'
import type { AccessTokens, Gmail } from './client.ts'

/** What is done with a mailbox, and so which scope and which operation of a backend key it needs. */
export type MailboxUse = 'read' | 'modify' | 'send'

/** A connection's mailbox. Each call checks the scope first, and refreshes the token before it expires. */
export interface Mailbox {
  readonly connection: ConnectionRecord
  readonly gmail: Gmail
  /** Whether somebody waits for the answer: background work leaves room for those. */
  readonly interactive: boolean
}

export type OpenMailbox = (connection: ConnectionRecord, options: { use?: MailboxUse; interactive: boolean }) => Mailbox

/** @throws (the result) GuichetError `not_found` where the connection is of another service, `missing_scopes` */
export function createOpenMailbox(options: {
  liveToken: LiveTokens
  openGmail: (tokens: AccessTokens) => Gmail
  connectUrl: (connection: ConnectionRecord) => string
  /** Forces a consent: what Google refuses although the record is in order, nothing less can mend. */
  freshConnectUrl: (service: string) => string
}): OpenMailbox {
  const { liveToken, openGmail, connectUrl, freshConnectUrl } = options

  return (connection, { use = 'read', interactive }) => {
    if (connection.service !== 'gmail') throw new GuichetError('not_found')
    const needed = use === 'read' ? gmailReadonly : gmailModify
    requireScope(connection)

    function requireScope(current: ConnectionRecord): void {
      const missing = missingScopes([needed], current.grantedScopes)
      if (missing.length > 0)
        throw new GuichetError('missing_scopes', { missingScopes: missing, connectUrl: connectUrl(current) })
    }
    async function freshToken(refused?: string): Promise<string> {
      const token = await liveToken(connection, refused === undefined ? {} : { refused })
      // A refresh may have brought less than was granted before.
      requireScope(token.connection)
      connection = token.connection
      return token.accessToken
    }
    const gmail = openGmail({
      current: () => freshToken(),
      renew: freshToken,
      refusedAgain: () =>
        new GuichetError('needs_reconnect', { reason: 'revoked', connectUrl: freshConnectUrl(connection.service) })
    })
    const call = async (...args: Parameters<Gmail['call']>) => {
      try {
        return await gmail.call(...args)
      } catch (error) {
        if (!hasCode(error, 'missing_scopes') || (error as GuichetError).details.missingScopes) throw error
        throw new GuichetError('missing_scopes', {
          missingScopes: [needed],
          connectUrl: freshConnectUrl(connection.service),
          cause: error
        })
      }
    }
    return {
      get connection() {
        return connection
      },
      gmail: { call } as Gmail,
      interactive
    }
  }
}
