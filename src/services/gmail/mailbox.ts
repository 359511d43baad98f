import { gmailModify, gmailReadonly } from '../../catalogue.ts'
import type { ConnectionRecord } from '../../connections/record.ts'
import type { OpenAccess } from '../access.ts'
import type { Gmail, GmailUser } from './client.ts'
import type { AccountGovernor } from './governor.ts'

/** What is done with a mailbox, and so which scope and which operation of a backend key it needs. */
export type MailboxUse = 'read' | 'modify' | 'send'

/** A connection's mailbox. */
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

/** @throws (the result) GuichetError `not_found` where the connection is of another service, `missing_scopes` */
export function createOpenMailbox(options: {
  openAccess: OpenAccess
  openGmail: (user: GmailUser) => Gmail
  governorOf: (sub: string) => AccountGovernor
}): OpenMailbox {
  const { openAccess, openGmail, governorOf } = options

  return (connection, { use = 'read', interactive, withinMs }) => {
    const scope = use === 'read' ? gmailReadonly : gmailModify
    const access = openAccess(connection, { service: 'gmail', scope, withinMs })
    return {
      get connection() {
        return access.connection
      },
      gmail: openGmail({ access, governor: governorOf(connection.account.sub), interactive }),
      interactive
    }
  }
}
