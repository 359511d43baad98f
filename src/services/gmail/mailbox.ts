import { gmailModify, gmailReadonly, missingScopes } from '../../catalogue.ts'
import type { LiveTokens } from '../../connections/live-token.ts'
import type { ConnectionRecord } from '../../connections/record.ts'
import { GuichetError, hasCode } from '../../errors.ts'
import type { AccessTokens, Gmail, GmailUser } from './client.ts'
import type { AccountGovernor } from './governor.ts'

/** What is done with a mailbox, and so which scope and which operation of a backend key it needs. */
export type MailboxUse = 'read' | 'modify' | 'send'

/** A connection's mailbox. Each call checks the scope first, and refreshes the token before it expires. */
export interface Mailbox {
  readonly connection: ConnectionRecord
  readonly gmail: Gmail
  /** Whether somebody waits for the answer: background work leaves room for those. */
  readonly interactive: boolean
}

export type OpenMailbox = (connection: ConnectionRecord, options: MailboxOptions) => Mailbox

export interface MailboxOptions {
  /** Default `read`. */
  use?: MailboxUse
  interactive: boolean
  /** The time the caller has: no call to Gmail begins that could not end in it. Default 25 s. */
  withinMs?: number | undefined
}

const usualTimeMs = 25_000
/** What the answer needs after the last call. */
const answerMs = 1_000

/** @throws (the result) GuichetError `not_found` where the connection is of another service, `missing_scopes` */
export function createOpenMailbox(options: {
  liveToken: LiveTokens
  openGmail: (user: GmailUser) => Gmail
  governorOf: (sub: string) => AccountGovernor
  /** Bound of a call to Google. */
  timeoutMs: number
  nowMs: () => number
  connectUrl: (connection: ConnectionRecord) => string
  /** Forces a consent: what Google refuses although the record is in order, nothing less can mend. */
  freshConnectUrl: (service: string) => string
}): OpenMailbox {
  const { liveToken, openGmail, governorOf, timeoutMs, nowMs, connectUrl, freshConnectUrl } = options
  const refusals = createRefusals(nowMs)

  return (connection, { use = 'read', interactive, withinMs = usualTimeMs }) => {
    if (connection.service !== 'gmail') throw new GuichetError('not_found')
    const needed = use === 'read' ? gmailReadonly : gmailModify
    requireScope(connection)

    function requireScope(current: ConnectionRecord): void {
      const missing = missingScopes([needed], current.grantedScopes)
      if (missing.length > 0)
        throw new GuichetError('missing_scopes', { missingScopes: missing, connectUrl: connectUrl(current) })
    }
    const refusedForGood = () =>
      new GuichetError('needs_reconnect', { reason: 'revoked', connectUrl: freshConnectUrl(connection.service) })
    async function freshToken(refused?: string): Promise<string> {
      const token = await liveToken(connection, refused === undefined ? {} : { refused })
      connection = token.connection
      // A refresh may have brought less than was granted before.
      requireScope(connection)
      if (refusals.cools(connection)) throw refusedForGood()
      return token.accessToken
    }
    const tokens: AccessTokens = {
      current: () => freshToken(),
      renew: freshToken,
      refusedAgain() {
        refusals.add(connection)
        return refusedForGood()
      }
    }
    const gmail = openGmail({
      tokens,
      governor: governorOf(connection.account.sub),
      interactive,
      deadlineMs: nowMs() + withinMs - timeoutMs - answerMs
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
      gmail: {
        call,
        get spent() {
          return gmail.spent
        },
        get left() {
          return gmail.left
        }
      } as Gmail,
      interactive
    }
  }
}

const maxRefusals = 10_000
const coolMs = 60_000

/**
 * Connections whose fresh token Gmail refused too. Until their tokens change, or a minute has passed, Gmail is not asked
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
