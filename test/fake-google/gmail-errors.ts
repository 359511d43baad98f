import { json, type Reply } from './http.ts'

const KINDS = {
  invalidArgument: [400, 'INVALID_ARGUMENT', 'Invalid argument'],
  authError: [401, 'UNAUTHENTICATED', 'Invalid Credentials'],
  forbidden: [403, 'PERMISSION_DENIED', 'Delegation denied'],
  insufficientPermissions: [403, 'PERMISSION_DENIED', 'Request had insufficient authentication scopes.'],
  rateLimitExceeded: [403, 'RESOURCE_EXHAUSTED', 'Rate Limit Exceeded'],
  userRateLimitExceeded: [403, 'RESOURCE_EXHAUSTED', 'User Rate Limit Exceeded'],
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

/** An error body in the shape of Google's APIs; a test takes it for a fault: `{ status: 429, body: gmailErrorBody(…) }`. */
export function gmailErrorBody(code: number, status: string, reason: string, message: string): unknown {
  return { error: { code, message, errors: [{ message, domain: 'global', reason }], status } }
}

export function toGmailErrorReply(error: GmailError): Reply {
  const [code, status] = KINDS[error.reason]
  const challenge: Record<string, string> =
    code === 401 ? { 'www-authenticate': 'Bearer realm="https://accounts.google.com/", error="invalid_token"' } : {}
  return json(code, gmailErrorBody(code, status, error.reason, error.message), challenge)
}
