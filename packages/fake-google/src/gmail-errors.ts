import { json, type Reply } from './http.ts'

const KINDS = {
  invalidArgument: [400, 'INVALID_ARGUMENT', 'Invalid argument'],
  failedPrecondition: [400, 'FAILED_PRECONDITION', 'Precondition check failed.'],
  authError: [401, 'UNAUTHENTICATED', 'Invalid Credentials'],
  forbidden: [403, 'PERMISSION_DENIED', 'Delegation denied'],
  insufficientPermissions: [403, 'PERMISSION_DENIED', 'Request had insufficient authentication scopes.'],
  accessNotConfigured: [
    403,
    'PERMISSION_DENIED',
    'Gmail API has not been used in project 1234567890 before or it is disabled.'
  ],
  domainPolicy: [403, 'PERMISSION_DENIED', 'The domain administrators have disabled Gmail apps.'],
  dailyLimitExceeded: [403, 'RESOURCE_EXHAUSTED', 'Daily Limit Exceeded'],
  quotaExceeded: [403, 'RESOURCE_EXHAUSTED', 'Quota exceeded'],
  rateLimitExceeded: [403, 'RESOURCE_EXHAUSTED', 'Rate Limit Exceeded'],
  userRateLimitExceeded: [403, 'RESOURCE_EXHAUSTED', 'User Rate Limit Exceeded'],
  tooManyRequests: [429, 'RESOURCE_EXHAUSTED', 'Too many concurrent requests for user'],
  aborted: [409, 'ABORTED', 'Conflict'],
  internalError: [500, 'INTERNAL', 'Internal error encountered.'],
  backendError: [503, 'UNAVAILABLE', 'Service unavailable. Please try again later.'],
  notFound: [404, 'NOT_FOUND', 'Requested entity was not found.'],
  methodNotAllowed: [405, 'METHOD_NOT_ALLOWED', 'Method not allowed']
} as const

export type GmailReason = keyof typeof KINDS

interface Particulars {
  /** A good client may meet it: no violation. */
  isExpected?: boolean
  details?: unknown[]
}

export class GmailError extends Error {
  readonly reason: GmailReason
  readonly isExpected: boolean
  readonly details: unknown[] | undefined

  constructor(
    reason: GmailReason,
    message: string = KINDS[reason][2],
    { isExpected = false, details }: Particulars = {}
  ) {
    super(message)
    this.reason = reason
    this.isExpected = isExpected
    this.details = details
  }
}

/** A fault that answers as Gmail does: `google.fault('gmail', gmailFault('tooManyRequests', { 'retry-after': '7' }))`. */
export function gmailFault(reason: GmailReason, headers: Record<string, string> = {}, message?: string) {
  return { status: KINDS[reason][0], body: toBody(new GmailError(reason, message)), headers }
}

function toBody(error: GmailError): unknown {
  const [code, status] = KINDS[error.reason]
  // Google names both its rate limits alike, by 403 and by 429.
  const reason = error.reason === 'tooManyRequests' ? 'rateLimitExceeded' : error.reason
  const { message, details } = error
  return {
    error: {
      code,
      message,
      errors: [{ message, domain: domainOf(reason), reason }],
      status,
      ...(details ? { details } : {})
    }
  }
}

function domainOf(reason: GmailReason): string {
  if (reason === 'accessNotConfigured') return 'usageLimits'
  return /LimitExceeded$/.test(reason) ? 'usageLimits' : 'global'
}

export function toGmailErrorReply(error: GmailError): Reply {
  const [code] = KINDS[error.reason]
  const challenge: Record<string, string> =
    code === 401 ? { 'www-authenticate': 'Bearer realm="https://accounts.google.com/", error="invalid_token"' } : {}
  return json(code, toBody(error), challenge)
}
