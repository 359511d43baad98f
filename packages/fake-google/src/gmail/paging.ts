import { GmailError } from '../gmail-errors.ts'

export type Query = Map<string, string[]>

export function first(query: Query, name: string): string | undefined {
  return query.get(name)?.[0]
}

/** Pages that hold nothing and still have a token, as Google's do at times. */
export interface EmptyPages {
  left: number
}

export interface Page<T> {
  items: T[]
  nextPageToken?: string
}

/** One page; its token holds what it belongs to, so that another question's token is refused. */
export function toPage<T>(all: readonly T[], query: Query, question: string, empty?: EmptyPages): Page<T> {
  const maxResults = first(query, 'maxResults') ?? '100'
  if (!/^[1-9]\d{0,2}$/.test(maxResults) || Number(maxResults) > 500)
    throw new GmailError('invalidArgument', 'maxResults')
  const start = readPageToken(first(query, 'pageToken'), question)
  if (empty && empty.left > 0) {
    empty.left -= 1
    return { items: [], nextPageToken: toPageToken(start, question) }
  }
  const end = start + Number(maxResults)
  const items = all.slice(start, end)
  return end < all.length ? { items, nextPageToken: toPageToken(end, question) } : { items }
}

function toPageToken(position: number, question: string): string {
  return Buffer.from(JSON.stringify([position, question])).toString('base64url')
}

function readPageToken(token: string | undefined, question: string): number {
  if (token === undefined) return 0
  try {
    const [position, asked] = JSON.parse(Buffer.from(token, 'base64url').toString()) as [unknown, unknown]
    if (typeof position === 'number' && asked === question) return position
  } catch {
    // Falls through to the same refusal.
  }
  throw new GmailError('invalidArgument', 'Invalid pageToken')
}

/** Never right, and never above 201. */
export function toRoughEstimate(count: number): number {
  return Math.min(201, count + (count % 3))
}
