/** A person in a header. */
export interface Address {
  name: string
  address: string
}

/** What `list` asks for; everything is optional. */
export interface MailQuery {
  /** Gmail's search language. */
  q?: string
  labelIds?: string[]
  /** `ids` costs almost nothing; `summary` has no bodies. */
  view?: 'ids' | 'summary' | 'full'
  limit?: number
  pageToken?: string
}

/** One mail: with `view: 'ids'` the two ids alone; one that could not be read has an `error` instead of the rest. */
export interface Mail {
  id: string
  threadId: string
  labelIds?: string[]
  unread?: boolean
  receivedAt?: string
  subject?: string
  snippet?: string
  from?: Address | null
  to?: Address[]
  text?: string | null
  /** As its sender wrote it: sanitize it before it is shown. */
  html?: string | null
  attachments?: { id: string; filename: string; mimeType: string; size: number }[]
  error?: { code: string }
}

export interface MailPage {
  items: Mail[]
  nextPageToken?: string | null
}

/** A mail to send. */
export interface Draft {
  from?: string
  to?: (string | Address)[]
  cc?: (string | Address)[]
  bcc?: (string | Address)[]
  subject?: string
  text?: string
  html?: string
  inReplyToMessage?: { messageId: string; mode: 'reply' | 'replyAll' | 'forward' }
  attachments?: object[]
}

export interface Sent {
  id: string
  threadId: string
  labelIds: string[]
}

/** The events of a mailbox, by their names in guichet's list of events. */
export const mailEvents = [
  'message_received',
  'message_sent',
  'message_changed',
  'message_deleted',
  'resync',
  'watch_lapsed',
  'watch_restored'
].map(name => `gmail.${name}`)

/** Where a connection's mail is, under the root of either door. */
export const mailPath = (connectionId: string) => `connections/${encodeURIComponent(connectionId)}/gmail/`

/** The path of a list, with its query. */
export function listPath({ labelIds = [], ...query }: MailQuery): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
  for (const id of labelIds) search.append('labelIds', id)
  return `messages?${search}`
}
