import { GmailError, toGmailErrorReply } from './gmail-errors.ts'
import {
  getAttachment,
  getLabels,
  getMessage,
  getProfile,
  getThread,
  listMessages,
  listThreads,
  type Query
} from './gmail-reads.ts'
import { batchModify, modifyMessage, trashMessage, untrashMessage } from './gmail-writes.ts'
import { json, type RecordedRequest, type Reply } from './http.ts'
import { GMAIL_MODIFY, GMAIL_READONLY } from './scopes.ts'
import type { User } from './users.ts'
import type { World } from './world.ts'

export const GMAIL_PREFIX = '/gmail/v1/users/'

interface Operation {
  method: 'GET' | 'POST'
  /** `*` stands for an id. */
  path: string
  /** Besides `alt=json`, which Google's own client may send. */
  query?: string[]
  takesBody?: boolean
  run(user: User, ids: string[], query: Query, body: Record<string, unknown>): unknown
}

const LIST = ['q', 'labelIds', 'maxResults', 'pageToken', 'includeSpamTrash']
const GET = ['format', 'metadataHeaders']
/** Parameters that may be repeated. */
const LISTS = ['labelIds', 'metadataHeaders']

const OPERATIONS: readonly Operation[] = [
  { method: 'GET', path: 'profile', run: user => getProfile(user) },
  { method: 'GET', path: 'labels', run: user => getLabels(user) },
  { method: 'GET', path: 'messages', query: LIST, run: (user, _ids, query) => listMessages(user, query) },
  { method: 'GET', path: 'messages/*', query: GET, run: (user, [id = ''], query) => getMessage(user, id, query) },
  {
    method: 'GET',
    path: 'messages/*/attachments/*',
    run: (user, [messageId = '', id = '']) => getAttachment(user, messageId, id)
  },
  { method: 'GET', path: 'threads', query: LIST, run: (user, _ids, query) => listThreads(user, query) },
  { method: 'GET', path: 'threads/*', query: GET, run: (user, [id = ''], query) => getThread(user, id, query) },
  {
    method: 'POST',
    path: 'messages/batchModify',
    takesBody: true,
    run: (user, _ids, _query, body) => batchModify(user, body)
  },
  {
    method: 'POST',
    path: 'messages/*/modify',
    takesBody: true,
    run: (user, [id = ''], _query, body) => modifyMessage(user, id, body)
  },
  { method: 'POST', path: 'messages/*/trash', run: (user, [id = '']) => trashMessage(user, id) },
  { method: 'POST', path: 'messages/*/untrash', run: (user, [id = '']) => untrashMessage(user, id) }
]

/** The Gmail API for the account whose bearer comes with the request. */
export function serveGmail(world: World, request: RecordedRequest): Reply {
  try {
    const result = run(world, request)
    return result === undefined ? { status: 204, headers: {}, body: '' } : json(200, result)
  } catch (error) {
    if (!(error instanceof GmailError)) throw error
    // A well-made client never provokes these.
    if (error.reason === 'invalidArgument' || error.reason === 'forbidden' || error.reason === 'methodNotAllowed') {
      world.violations.push(`gmail: ${error.message}`)
    }
    return toGmailErrorReply(error)
  }
}

function run(world: World, request: RecordedRequest): unknown {
  const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const token = world.grants.openAccessToken(bearer)
  if (!token) throw new GmailError('authError')
  const user = world.users.require(token.sub)
  const [userId, ...segments] = request.path.slice(GMAIL_PREFIX.length).split('/')
  if (userId !== 'me') throw new GmailError('forbidden', `Delegation denied for ${user.email}`)
  const { operation, ids } = route(request.method, segments)
  const allowing = operation.method === 'GET' ? [GMAIL_READONLY, GMAIL_MODIFY] : [GMAIL_MODIFY]
  if (!allowing.some(scope => token.scopes.includes(scope))) throw new GmailError('insufficientPermissions')
  return operation.run(user, ids, readQuery(request.query, operation), readJsonBody(request, operation))
}

function route(method: string, segments: string[]): { operation: Operation; ids: string[] } {
  const matching = OPERATIONS.filter(({ path }) => {
    const pattern = path.split('/')
    return (
      pattern.length === segments.length &&
      pattern.every((part, position) => part === '*' || part === segments[position])
    )
  })
  // `messages/batchModify` reads as an id too: the exact path goes first.
  matching.sort((one, other) => Number(one.path.includes('*')) - Number(other.path.includes('*')))
  if (matching.length === 0) throw new GmailError('notFound')
  const operation = matching.find(candidate => candidate.method === method)
  if (!operation) throw new GmailError('methodNotAllowed')
  const ids = segments.filter((_segment, position) => operation.path.split('/')[position] === '*')
  if (!ids.every(id => /^[A-Za-z0-9_-]+$/.test(id))) throw new GmailError('invalidArgument', 'Invalid id value')
  return { operation, ids }
}

function readQuery(text: string, operation: Operation): Query {
  const query: Query = new Map()
  for (const [name, value] of new URLSearchParams(text)) {
    if (name === 'alt' && value === 'json') continue
    if (!operation.query?.includes(name)) throw new GmailError('invalidArgument', `Unknown name "${name}"`)
    const values = query.get(name) ?? []
    if (values.length > 0 && !LISTS.includes(name)) throw new GmailError('invalidArgument', `Repeated name "${name}"`)
    query.set(name, [...values, value])
  }
  return query
}

function readJsonBody(request: RecordedRequest, operation: Operation): Record<string, unknown> {
  if (!operation.takesBody) {
    if (request.body !== '' && request.body !== '{}') throw new GmailError('invalidArgument', 'Body not expected')
    return {}
  }
  if (!/^application\/json(\s*;\s*charset=utf-8)?$/i.test(request.headers['content-type'] ?? '')) {
    throw new GmailError('invalidArgument', 'Content-Type must be application/json')
  }
  try {
    const body: unknown = JSON.parse(request.body)
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>
  } catch {
    // Falls through to the same refusal.
  }
  throw new GmailError('invalidArgument', 'Invalid JSON payload received')
}
