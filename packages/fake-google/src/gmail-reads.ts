import { GmailError } from './gmail-errors.ts'
import { MESSAGE_FORMATS, type MessageFormat, toGmailMessage } from './gmail-messages.ts'
import type { StoredMessage, User } from './users.ts'

export type Query = Map<string, string[]>

export const SYSTEM_LABELS: readonly string[] = [
  ...['INBOX', 'SENT', 'DRAFT', 'TRASH', 'SPAM', 'UNREAD', 'STARRED', 'IMPORTANT', 'CHAT'],
  ...['SOCIAL', 'PROMOTIONS', 'UPDATES', 'FORUMS', 'PERSONAL'].map(name => `CATEGORY_${name}`)
]

export function requireMessage(user: User, id: string): StoredMessage {
  const message = user.messages.find(candidate => candidate.id === id)
  if (!message) throw new GmailError('notFound')
  return message
}

export function getProfile(user: User): unknown {
  return {
    emailAddress: user.email,
    messagesTotal: user.messages.length,
    threadsTotal: new Set(user.messages.map(message => message.threadId)).size,
    historyId: '1000'
  }
}

/** The system's labels and those the user's messages carry. */
export function labelIdsOf(user: User): string[] {
  return [...new Set([...SYSTEM_LABELS, ...user.messages.flatMap(message => message.labelIds)])]
}

export function getLabels(user: User): unknown {
  const labels = labelIdsOf(user).map(id => ({ id, name: id, type: SYSTEM_LABELS.includes(id) ? 'system' : 'user' }))
  return { labels }
}

export function listMessages(user: User, query: Query): unknown {
  const { items, ...rest } = toPage(findMessages(user, query), query)
  // Google leaves the list out when it is empty.
  return { ...(items.length > 0 ? { messages: items.map(({ id, threadId }) => ({ id, threadId })) } : {}), ...rest }
}

export function listThreads(user: User, query: Query): unknown {
  const latest = new Map<string, StoredMessage>()
  for (const message of findMessages(user, query))
    if (!latest.has(message.threadId)) latest.set(message.threadId, message)
  const { items, ...rest } = toPage([...latest.values()], query)
  const threads = items.map(({ threadId, body }) => ({ id: threadId, snippet: body.slice(0, 100), historyId: '1000' }))
  return { ...(threads.length > 0 ? { threads } : {}), ...rest }
}

export function getMessage(user: User, id: string, query: Query): unknown {
  return toGmailMessage(requireMessage(user, id), user.email, readFormat(query), query.get('metadataHeaders'))
}

export function getThread(user: User, id: string, query: Query): unknown {
  const messages = user.messages.filter(message => message.threadId === id)
  if (messages.length === 0) throw new GmailError('notFound')
  const format = readFormat(query)
  if (format === 'raw') throw new GmailError('invalidArgument', 'format')
  const shown = messages.map(message => toGmailMessage(message, user.email, format, query.get('metadataHeaders')))
  return { id, historyId: '1000', messages: shown }
}

export function getAttachment(user: User, messageId: string, attachmentId: string): unknown {
  const attachment = requireMessage(user, messageId).attachments.find(({ id }) => id === attachmentId)
  if (!attachment) throw new GmailError('invalidArgument', 'Invalid attachment token')
  return { size: attachment.content.length, data: attachment.content.toString('base64url') }
}

function readFormat(query: Query): MessageFormat {
  const asked = query.get('format')?.[0] ?? 'full'
  // Google's own enumeration is case-insensitive in the URL; here only the documented spelling passes.
  const format = MESSAGE_FORMATS.find(known => known === asked)
  if (!format) throw new GmailError('invalidArgument', 'format')
  return format
}

function findMessages(user: User, query: Query): StoredMessage[] {
  const text = query.get('q')?.[0]?.toLowerCase() ?? ''
  const labelIds = query.get('labelIds') ?? []
  const hidden = query.get('includeSpamTrash')?.[0] === 'true' ? [] : ['SPAM', 'TRASH']
  return user.messages.filter(message => {
    return (
      `${message.subject}\n${message.from}`.toLowerCase().includes(text) &&
      labelIds.every(label => message.labelIds.includes(label)) &&
      !hidden.some(label => message.labelIds.includes(label) && !labelIds.includes(label))
    )
  })
}

function toPage<T>(all: T[], query: Query): { items: T[]; nextPageToken?: string; resultSizeEstimate: number } {
  const maxResults = query.get('maxResults')?.[0] ?? '100'
  if (!/^[1-9]\d{0,2}$/.test(maxResults) || Number(maxResults) > 500) {
    throw new GmailError('invalidArgument', 'maxResults')
  }
  const start = readPageToken(query.get('pageToken')?.[0])
  const end = start + Number(maxResults)
  const next = end < all.length ? { nextPageToken: Buffer.from(`page ${end}`).toString('base64url') } : {}
  return { items: all.slice(start, end), ...next, resultSizeEstimate: all.length }
}

function readPageToken(token: string | undefined): number {
  if (token === undefined) return 0
  const position = /^page (\d+)$/.exec(Buffer.from(token, 'base64url').toString())?.[1]
  if (position === undefined) throw new GmailError('invalidArgument', 'Invalid pageToken')
  return Number(position)
}
