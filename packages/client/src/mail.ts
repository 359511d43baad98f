import type { GmailFailedItem, GmailMessage, GmailMessageSummary } from './views.ts'

/** What each view of a list holds; one mail that could not be read stands in its place with its error. */
export interface MailItems {
  ids: { id: string; threadId: string }
  summary: GmailMessageSummary | GmailFailedItem
  full: GmailMessage | GmailFailedItem
}

export type MailView = keyof MailItems

/** What `list` asks for; everything is optional. */
export interface MailQuery<V extends MailView = MailView> {
  /** Gmail's search language. */
  q?: string
  /** Mails that carry all of these. */
  labelIds?: string[]
  /** `ids`, the default, costs almost nothing; `summary` has no bodies. */
  view?: V
  /** Default 25; at most 50 with summary or full, 500 with ids. */
  limit?: number
  /** nextPageToken of the page before. */
  pageToken?: string
}

export interface MailPage<V extends MailView = 'ids'> {
  items: MailItems[V][]
  nextPageToken: string | null
}

/** Where a connection's mail is, under the root of either door. */
export const mailPath = (connectionId: string) => `connections/${encodeURIComponent(connectionId)}/gmail/`

/** The path of a list, with its query. */
export function listPath({ labelIds = [], ...query }: MailQuery): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
  for (const id of labelIds) search.append('labelIds', id)
  return `messages?${search}`
}
