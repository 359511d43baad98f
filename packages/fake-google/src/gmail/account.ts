import { createDrafts, type Drafts } from './drafts.ts'
import { createMailbox, type Mailbox, type MailboxParts } from './mailbox.ts'
import type { EmptyPages } from './paging.ts'

export interface Alias {
  sendAsEmail: string
  displayName?: string
  replyToAddress?: string
  isDefault?: boolean
  /** Default accepted. */
  verificationStatus?: 'accepted' | 'pending'
}

export interface Watch {
  topicName: string
  labelIds: string[]
  labelFilterBehavior: 'include' | 'exclude'
  expirationMs: number
}

/** One user's Gmail: its mailbox, and what a test may change while the server runs. */
export interface GmailAccount extends Mailbox {
  readonly drafts: Drafts
  /** Addresses besides the account's own that mail may be sent from. */
  aliases: Alias[]
  /** An account without Gmail answers 400 failedPrecondition. */
  hasMailbox: boolean
  watch: Watch | undefined
  /** Refuses `watch`: the topic's permissions, or another client that watches. */
  refusesWatch: 'topic' | 'another-client' | undefined
  /** History records leave the messages' labelIds out. */
  forgetsLabelIds: boolean
  /** How many of the next pages hold nothing and go on all the same. */
  readonly emptyPages: { messages: EmptyPages; history: EmptyPages }
  /** Message-IDs of sent mails: kept, replaced by Gmail's own, or every second one so (default). */
  messageIds: 'kept' | 'replaced' | 'sometimes'
}

export function createGmailAccount(parts: MailboxParts): GmailAccount {
  const mailbox = createMailbox(parts)
  return {
    ...mailbox,
    drafts: createDrafts(mailbox),
    aliases: [],
    hasMailbox: true,
    watch: undefined,
    refusesWatch: undefined,
    forgetsLabelIds: false,
    emptyPages: { messages: { left: 0 }, history: { left: 0 } },
    messageIds: 'sometimes'
  }
}
