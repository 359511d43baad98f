// Written by `npm run client` from the schemas of src/http/views.

export interface User {
  id: string
  email: string | null
  name: string | null
  picture: string | null
  externalId: string | null
}

export interface Connection {
  id: string
  userId: string
  /** The host app's id of the user, where a ticket brought the user. */
  externalId?: string
  service: string
  account: {
    sub: string
    email: string
  }
  status: 'active' | 'partial' | 'needs_reconnect'
  /** Why the connection needs to be made again. */
  reason?: 'revoked' | 'reauth_required' | 'admin_policy' | 'account_disabled' | 'refresh_token_expired' | 'refresh_token_missing' | 'reported_by_google'
  grantedScopes: Array<string>
  missingScopes: Array<string>
  /** Where the user repairs the connection; holds no secret. */
  connectUrl?: string
  createdAt: string
  updatedAt: string
  lastRefreshedAt?: string
  /** When Google ends the grant, if it announced that. */
  refreshTokenExpiresAt?: string
  /** How its mailbox is watched, if it is. */
  watch?: WatchSummary
}

export interface WatchSummary {
  /** By push; by polling; by polling because pushes have stopped; not at all. */
  status: 'active' | 'polling' | 'lapsed' | 'off'
  mode: 'push' | 'poll' | null
  events: Array<'received' | 'sent' | 'changed' | 'deleted'>
  /** Only changes of messages with one of these labels; empty: of all messages. */
  labelIds: Array<string>
  since: string | null
  /** When pushes end unless they are renewed, which is done daily. */
  expiresAt: string | null
  /** When Google last pushed. */
  lastNotifiedAt: string | null
  /** Every change up to here has its event. */
  lastSyncedAt: string | null
  /** Why Google could not be asked last time, or why it sends no pushes. */
  error: {
    code: string
    detail: string
  } | null
}

export interface Disconnected {
  id: string
  revoked: 'confirmed' | 'pending' | 'kept'
}

export interface Event {
  /** The same in every delivery. */
  id: string
  type: string
  createdAt: string
  /** The connection, for events about it; the user's id, for `user.deleted`; ids and no mail, for events in a mailbox. */
  data: {
    connection?: Connection
    user?: {
      id: string
    }
    connectionId?: string
    externalId?: string
    messageId?: string
    threadId?: string
    labelIds?: Array<string>
    addedLabelIds?: Array<string>
    removedLabelIds?: Array<string>
    historyId?: string
    /** Of `gmail.watch_*`: when pushes end or ended. */
    expiresAt?: string
    /** Of `gmail.resync`: the historyId from which mail was looked up again. */
    from?: string
    /** Of `gmail.resync`: the historyId up to which it was. */
    to?: string
    /** Of `gmail.resync`: there was more mail than was looked up. */
    truncated?: boolean
    /** Of `gmail.resync`: `cursor_expired`. */
    reason?: string
  }
}

export interface Started {
  /** Where to send the browser. */
  url: string
  /** Until when the callback is accepted. */
  expiresAt: string
}

export interface GmailMessageSummary {
  id: string
  threadId: string
  historyId: string | null
  labelIds: Array<string>
  unread: boolean
  starred: boolean
  draft: boolean
  /** When Gmail took it: the inbox's order. */
  receivedAt: string | null
  /** What the mail says. */
  date: string | null
  subject: string
  snippet: string
  from: GmailAddress | null
  sender: GmailAddress | null
  to: Array<GmailAddress>
  cc: Array<GmailAddress>
  bcc: Array<GmailAddress>
  replyTo: Array<GmailAddress>
  messageId: string | null
  inReplyTo: string | null
  references: Array<string>
  sizeEstimate: number
}

export interface GmailAddress {
  name: string
  address: string
}

export interface GmailMessage extends GmailMessageSummary {
  text: string | null
  /** As the sender wrote it: never show it without a sanitizer. */
  html: string | null
  /** The mail has no text: this one was made from its html, as `text=derive` asks. */
  textFromHtml: boolean
  /** There is more of it than is shown; `raw` has it all. */
  truncated: boolean
  attachments: Array<GmailAttachment>
  headers: Record<string, Array<string>>
  problems: Array<'charset_unknown'>
}

export interface GmailAttachment {
  /** The part of the mail; it never changes. `root` where the mail is one file. */
  id: string
  filename: string | null
  mimeType: string
  /** Bytes. */
  size: number
  /** To be shown inside the text. */
  inline: boolean
  /** What `cid:` in the html refers to. */
  contentId: string | null
  /** The forwarded mail that contains it. */
  within?: string
}

export interface GmailFailedItem {
  id: string
  error: {
    code: string
  }
}

export interface GmailOutgoingMail {
  /** One of the verified addresses of the account; by default the one that received what is answered, or the usual one. */
  from?: string | {
    name?: string
    address: string
  }
  to?: Array<string | {
    name?: string
    address: string
  }>
  cc?: Array<string | {
    name?: string
    address: string
  }>
  bcc?: Array<string | {
    name?: string
    address: string
  }>
  replyTo?: Array<string | {
    name?: string
    address: string
  }>
  subject?: string
  text?: string
  html?: string
  /** Recipients, subject and conversation come from it, unless they are given. */
  inReplyToMessage?: {
    messageId: string
    mode?: 'reply' | 'replyAll' | 'forward'
  }
  /** A reply that starts a new conversation. */
  newThread?: boolean
  /** Files given here, or files of other mails, which go from Gmail to Gmail. */
  attachments?: Array<{
    filename: string
    mimeType?: string
    /** In base64. */
    content: string
    /** What `cid:` in the html refers to. */
    contentId?: string
    inline?: boolean
  } | {
    fromMessage: string
    partId: string
    filename?: string
    /** What `cid:` in the html refers to. */
    contentId?: string
    inline?: boolean
  }>
  headers?: Record<string, string>
}

export interface GmailSent {
  id: string
  threadId: string
  labelIds: Array<string>
  /** The Message-ID that recipients see, if it was requested. */
  messageId?: string | null
}
