import { json, type Reply } from './http.ts'

const KINDS = {
  invalidArgument: [400, 'INVALID_ARGUMENT', 'Invalid argument'],
  authError: [401, 'UNAUTHENTICATED', 'Invalid Credentials'],
  forbidden: [403, 'PERMISSION_DENIED', 'Delegation denied'],
  insufficientPermissions: [403, 'PERMISSION_DENIED', 'Request had insufficient authentication scopes.'],
  rateLimitExceeded: [403, 'RESOURCE_EXHAUSTED', 'Rate Limit Exceeded'],
  userRateLimitExceeded: [403, 'RESOURCE_EXHAUSTED', 'User Rate Limit Exceeded'],
  tooManyRequests: [429, 'RESOURCE_EXHAUSTED', 'Too many concurrent requests for user'],
  backendError: [503, 'UNAVAILABLE', 'Service unavailable. Please try again later.'],
  notFound: [404, 'NOT_FOUND', 'Requested entity was not found.'],
  methodNotAllowed: [405, 'METHOD_NOT_ALLOWED', 'Method not allowed']
} as const

export type GmailReason = keyof typeof KINDS

export class GmailError extends Error {
  reason: GmailReason

  constructor(reason: GmailReason, message: string = KINDS[reason][2]) {
    super(message)
    this.reason = reason
  }
}

/** A fault that answers as Gmail does: `google.fault('gmail', gmailFault('tooManyRequests', { 'retry-after': '7' }))`. */
export function gmailFault(reason: GmailReason, headers: Record<string, string> = {}) {
  return { status: KINDS[reason][0], body: toBody(new GmailError(reason)), headers }
}

function toBody(error: GmailError): unknown {
  const [code, status] = KINDS[error.reason]
  // Google names both its rate limits alike, by 403 and by 429.
  const reason = error.reason === 'tooManyRequests' ? 'rateLimitExceeded' : error.reason
  const { message } = error
  return { error: { code, message, errors: [{ message, domain: 'global', reason }], status } }
}

export function toGmailErrorReply(error: GmailError): Reply {
  const [code] = KINDS[error.reason]
  const challenge: Record<string, string> =
    code === 401 ? { 'www-authenticate': 'Bearer realm="https://accounts.google.com/", error="invalid_token"' } : {}
  return json(code, toBody(error), challenge)
}
