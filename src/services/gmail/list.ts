import { type ErrorCode, GuichetError } from '../../errors.ts'
import { ask } from './answer.ts'
import type { Gmail } from './client.ts'

/** What an account's reads may have open at once; the client's own cap stands above it. */
const atOnce = 6

export interface ListQuery {
  q?: string | undefined
  labelIds?: string[] | undefined
  limit: number
  pageToken?: string | undefined
}

export interface Page<T> {
  items: T[]
  nextPageToken: string | null
}

interface Listed {
  messages?: { id?: string | null; threadId?: string | null }[]
  threads?: { id?: string | null }[]
  nextPageToken?: string | null
}

/** 5 units. */
export async function listMessages(gmail: Gmail, query: ListQuery): Promise<Page<{ id: string; threadId: string }>> {
  const { messages = [], nextPageToken } = await ask(
    gmail,
    'messages.list',
    (users, call) => users.messages.list(toParameters(query), call),
    (answer: Listed) => answer
  )
  return {
    items: messages.map(({ id, threadId }) => ({ id: id ?? '', threadId: threadId ?? '' })),
    nextPageToken: nextPageToken ?? null
  }
}

/** 10 units. */
export async function listThreads(gmail: Gmail, query: ListQuery): Promise<Page<{ id: string }>> {
  const { threads = [], nextPageToken } = await ask(
    gmail,
    'threads.list',
    (users, call) => users.threads.list(toParameters(query), call),
    (answer: Listed) => answer
  )
  return { items: threads.map(({ id }) => ({ id: id ?? '' })), nextPageToken: nextPageToken ?? null }
}

function toParameters({ q, labelIds, limit, pageToken }: ListQuery) {
  return {
    userId: 'me',
    maxResults: limit,
    ...(q !== undefined && { q }),
    ...(labelIds && { labelIds }),
    ...(pageToken !== undefined && { pageToken })
  }
}

/** Errors of the whole connection or server: every other item would fail too. */
const ofAll = new Set<ErrorCode>([
  ...(['needs_reconnect', 'missing_scopes', 'mailbox_unavailable'] as const),
  ...(['google_misconfigured', 'unsealable', 'database_unavailable', 'shutting_down'] as const)
])

export interface FailedItem {
  id: string
  error: { code: string }
}

/**
 * Reads each of the items, some at a time, and gives them in order as they come. An item that fails becomes
 * `{id, error}`; one that was deleted since the list was made is `not_found`.
 */
export async function* expand<T>(
  ids: readonly string[],
  read: (id: string) => Promise<T>
): AsyncGenerator<T | FailedItem, void, undefined> {
  const open: Promise<T | FailedItem>[] = []
  const start = (id: string) => {
    const item = read(id).catch((error: unknown) => {
      if (!(error instanceof GuichetError) || ofAll.has(error.code)) throw error
      return { id, error: { code: error.code } }
    })
    // It is awaited when its turn comes: until then its failure must not count as unhandled.
    item.catch(() => undefined)
    open.push(item)
  }
  const left = [...ids]
  for (const id of left.splice(0, atOnce)) start(id)
  for (let item = open.shift(); item; item = open.shift()) {
    const done = await item
    const next = left.shift()
    if (next !== undefined) start(next)
    yield done
  }
}
