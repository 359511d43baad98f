import { GmailError, toGmailErrorReply } from '../gmail-errors.ts'
import { html, type RecordedRequest, type Reply } from '../http.ts'
import { jsonWithContent } from '../json-stream.ts'
import type { World } from '../world.ts'
import { DRAFT_OPERATIONS } from './draft-operations.ts'
import { narrow } from './fields.ts'
import { MAILBOX_OPERATIONS } from './mailbox-operations.ts'
import { MESSAGE_OPERATIONS } from './message-operations.ts'
import type { Operation } from './operation.ts'
import { first, type Query } from './paging.ts'
import { THREAD_OPERATIONS } from './thread-operations.ts'

export const GMAIL_PREFIX = '/gmail/v1/users/'
export const GMAIL_UPLOAD_PREFIX = `/upload${GMAIL_PREFIX}`

export const OPERATIONS: readonly Operation[] = [
  ...MAILBOX_OPERATIONS,
  ...MESSAGE_OPERATIONS,
  ...THREAD_OPERATIONS,
  ...DRAFT_OPERATIONS
]

/** Parameters that may be repeated. */
const LISTS = ['labelIds', 'metadataHeaders', 'historyTypes']

/** The Gmail API for the account whose bearer comes with the request. */
export function serveGmail(world: World, request: RecordedRequest): Reply {
  try {
    if (request.upload?.isTooLarge || request.body.length > world.settings.gmailJsonBytes) return tooLarge()
    const result = run(world, request)
    return result === undefined ? { status: 204, headers: {}, body: '' } : jsonWithContent(200, result)
  } catch (error) {
    if (!(error instanceof GmailError)) throw error
    // A correct client never causes these.
    const isFault =
      error.reason === 'invalidArgument' || error.reason === 'forbidden' || error.reason === 'methodNotAllowed'
    if (isFault && !error.isExpected) world.violations.push(`gmail: ${error.message}`)
    return toGmailErrorReply(error)
  }
}

function run(world: World, request: RecordedRequest): unknown {
  const token = world.grants.openAccessToken(bearerOf(request))
  if (!token) throw new GmailError('authError')
  const user = world.users.require(token.sub)
  const isUpload = request.path.startsWith(GMAIL_UPLOAD_PREFIX)
  const [userId, ...segments] = request.path.slice((isUpload ? GMAIL_UPLOAD_PREFIX : GMAIL_PREFIX).length).split('/')
  if (userId !== 'me') throw new GmailError('forbidden', `Delegation denied for ${user.email}`)
  const { operation, ids } = route(request.method, segments, isUpload)
  if (world.settings.gmailApi !== 'enabled') throw disabled(world)
  if (!operation.scopes.some(scope => token.scopes.includes(scope))) throw new GmailError('insufficientPermissions')
  if (!user.gmail.hasMailbox) throw new GmailError('failedPrecondition', 'Mail service not enabled')
  const query = readQuery(request.query, operation, isUpload)
  const body = isUpload ? (request.upload?.metadata ?? {}) : readJsonBody(request, operation)
  if (isUpload && !request.upload?.outgoing)
    throw new GmailError('invalidArgument', request.upload?.fault ?? 'Bad upload')
  world.usage.spend(user.email, operation.name, operation.units)
  const { outbox, nowMs } = world
  const answer = operation.run({ user, ids, query, body, upload: request.upload?.outgoing, outbox, nowMs })
  const fields = first(query, 'fields')
  return fields === undefined || answer === undefined ? answer : narrow(answer, fields)
}

export function bearerOf({ headers }: Pick<RecordedRequest, 'headers'>): string {
  return /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1] ?? ''
}

/** Google's own page: this one refusal is no JSON. */
function tooLarge(): Reply {
  const reply = html(413, '<h1>413. That’s an error.</h1><p>Your client issued a request that was too large.</p>')
  return { ...reply, headers: { ...reply.headers, connection: 'close' } }
}

const PROJECT = '1234567890'

function disabled(world: World): GmailError {
  const url = `https://console.developers.google.com/apis/api/gmail.googleapis.com/overview?project=${PROJECT}`
  const message = `Gmail API has not been used in project ${PROJECT} before or it is disabled. Enable it by visiting ${url} then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.`
  const info = {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: 'SERVICE_DISABLED',
    domain: 'googleapis.com',
    metadata: { service: 'gmail.googleapis.com', consumer: `projects/${PROJECT}`, activationUrl: url }
  }
  return new GmailError(
    'accessNotConfigured',
    message,
    world.settings.gmailApi === 'disabled' ? { details: [info] } : {}
  )
}

/** The method that a path names, for tests that aim at one; undefined where it names none. */
export function methodOf(method: string, path: string): string | undefined {
  const isUpload = path.startsWith(GMAIL_UPLOAD_PREFIX)
  const prefix = isUpload ? GMAIL_UPLOAD_PREFIX : GMAIL_PREFIX
  if (!path.startsWith(prefix)) return undefined
  try {
    return route(method, path.slice(prefix.length).split('/').slice(1), isUpload).operation.name
  } catch {
    return undefined
  }
}

function route(method: string, segments: string[], isUpload: boolean): { operation: Operation; ids: string[] } {
  const matching = OPERATIONS.filter(({ path, takesUpload }) => {
    const pattern = path.split('/')
    return (
      (!isUpload || takesUpload === true) &&
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
  const isGood = operation.name === 'settings.sendAs.get' ? /^[\w.%+@-]+$/ : /^[A-Za-z0-9_-]+$/
  if (!ids.every(id => isGood.test(id))) throw new GmailError('invalidArgument', 'Invalid id value')
  return { operation, ids: ids.map(decodeURIComponent) }
}

function readQuery(text: string, operation: Operation, isUpload: boolean): Query {
  const query: Query = new Map()
  for (const [name, value] of new URLSearchParams(text)) {
    if (name === 'alt' && value === 'json') continue
    if (name === 'prettyPrint' && (value === 'true' || value === 'false')) continue
    if (isUpload && name === 'uploadType') continue
    if (name !== 'fields' && !operation.query?.includes(name))
      throw new GmailError('invalidArgument', `Unknown name "${name}"`)
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
