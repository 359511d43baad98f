import { type ErrorCode, GuichetError } from '../../errors.ts'
import { callbackErrors } from '../../google/callback-error.ts'
import type { Answer, OpenapiDocument, Operation } from './document.ts'

/** What any route may answer. */
const everywhere: ErrorCode[] = ['uri_too_long', 'headers_too_large', 'request_timeout', 'internal', 'handler_timeout']
const overDatabase: ErrorCode[] = ['database_unavailable', 'unsealable', 'shutting_down']
const google: ErrorCode[] = ['google_invalid_response', 'google_unavailable', 'google_misconfigured']
const token: ErrorCode[] = ['needs_reconnect', ...google]
const outgoing: ErrorCode[] = [
  'in_progress',
  'message_too_large',
  'idempotency_mismatch',
  'subject_breaks_thread',
  'sender_not_allowed',
  'send_outcome_unknown'
]
const flow: ErrorCode[] = [
  'flow_unknown',
  'flow_expired',
  'flow_used',
  'flow_wrong_session',
  'iss_mismatch',
  'code_invalid',
  ...callbackErrors,
  ...google,
  'rate_limited'
]

/** The codes of the problems that an operation may answer: what follows from its door, its path and what it takes. */
function codesOf(method: string, path: string, operation: Operation): ErrorCode[] {
  const { security = [], requestBody, parameters = [], operationId = '' } = operation
  const codes = [...everywhere]
  const add = (when: boolean, ...more: ErrorCode[]) => void (when && codes.push(...more))
  const opens = (scheme: string) => security.some(one => scheme in one)
  const isBrowser = !/^\/(v1|hooks|livez|readyz)(\/|$)/.test(path)
  const isGmail = path.includes('/gmail/')
  const isMailbox = isGmail || path.includes('/calendar/')
  const startsFlow = path.startsWith('/auth/google') || path.startsWith('/connect/') || operationId === 'useTicket'
  add(path !== '/livez', ...overDatabase)
  add(parameters.length > 0 || requestBody !== undefined, 'invalid_request')
  add(method !== 'get', 'payload_too_large', 'unsupported_media_type', 'invalid_request')
  // Reached over http, where it must be https.
  add(isBrowser, 'invalid_request')
  add(path.includes('{'), 'not_found')
  add(opens('backendKey'), 'backend_key_invalid', 'forbidden', 'rate_limited')
  add(opens('session'), 'unauthenticated')
  add(isBrowser && method !== 'get', 'cross_site')
  // Without a topic and an account there is no such route.
  add(opens('googlePush'), 'unauthenticated', 'google_unavailable', 'not_found')
  // Google forbids an account what its administrator does not want.
  add(isMailbox, 'missing_scopes', 'forbidden', 'google_rate_limited', ...token)
  add(isGmail, 'mailbox_unavailable')
  add(path.endsWith('/stream'), 'rate_limited')
  add(path.includes('/attachments/'), 'message_too_large')
  add(path.endsWith('/token'), 'audit_unavailable', ...token)
  add(/\/(send|drafts|drafts\/\{draftId\})$/.test(path) && method !== 'get' && method !== 'delete', ...outgoing)
  add(startsFlow || path === '/start', 'rate_limited')
  add(startsFlow, 'google_unavailable', 'google_misconfigured')
  add(path.endsWith('/callback'), ...flow)
  add(operationId === 'createTicket', 'not_found')
  // The link is gone; the connection that it repairs is.
  add(operationId === 'useTicket', 'flow_unknown', 'not_found')
  add(operationId === 'finishSignIn', 'sign_in_not_allowed', 'unauthenticated')
  add(operationId === 'finishConnect', 'account_mismatch', 'refresh_token_missing', 'needs_reconnect')
  return [...new Set(codes)]
}

/** Names the problems of each operation, a response for each status with the codes it may have. */
export function describeProblems(document: OpenapiDocument): void {
  const responses: Record<string, Answer> = {}
  const named = new Map<string, string>()
  for (const [path, operations] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(operations)) {
      delete operation.responses['4XX']
      delete operation.responses['5XX']
      for (const [status, codes] of byStatus(codesOf(method, path, operation))) {
        const key = [status, ...codes].join()
        const name = named.get(key) ?? nameOf(status, codes, responses)
        named.set(key, name)
        responses[name] ??= toAnswer(status, codes)
        operation.responses[status] = { $ref: `#/components/responses/${name}` }
      }
    }
  }
  document.components = { ...document.components, responses }
}

function byStatus(codes: ErrorCode[]): Map<string, ErrorCode[]> {
  const found = new Map<string, ErrorCode[]>()
  const add = (status: number, code: ErrorCode) =>
    void found.set(String(status), [...(found.get(String(status)) ?? []), code])
  for (const code of [...codes].sort()) {
    add(new GuichetError(code).status, code)
    // With an Idempotency-Key, the same call finds out.
    if (code === 'send_outcome_unknown') add(503, code)
  }
  return new Map([...found].sort(([one], [other]) => Number(one) - Number(other)))
}

function nameOf(status: string, codes: ErrorCode[], taken: object): string {
  const name = codes.length === 1 ? `${codes[0]}` : `problem_${status}`
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name}_${number}`
    if (!(candidate in taken)) return candidate
  }
}

function toAnswer(status: string, codes: ErrorCode[]): Answer {
  const [code = 'internal'] = codes
  const { title } = new GuichetError(code)
  const isPassing = status === '429' || status === '503'
  return {
    description: codes.map(one => `\`${one}\`: ${new GuichetError(one).title}.`).join(' '),
    ...(isPassing && {
      headers: {
        'Retry-After': { description: 'Seconds until it is worth asking again.', schema: { type: 'integer' } }
      }
    }),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [
            { $ref: '#/components/schemas/Problem' },
            { type: 'object', properties: { code: { type: 'string', enum: codes }, status: { const: Number(status) } } }
          ]
        },
        example: {
          type: `urn:guichet:problem:${code}`,
          title,
          status: Number(status),
          detail: title,
          instance: '/connections',
          code,
          requestId: '5d9c0f5e-4a0c-4f4e-9c66-0d8f3f6f2b1a',
          ...(isPassing && { retryAfterSeconds: 3 })
        }
      }
    }
  }
}
