/** Every error guichet answers with, by its stable code: the table of the HTTP contract. Clients branch on `code` alone. */
const catalogue = {
  invalid_request: [400, 'The request is not valid'],
  flow_unknown: [400, 'This authorization attempt is not known'],
  flow_expired: [400, 'This authorization attempt has expired'],
  flow_used: [400, 'This authorization attempt was already used'],
  flow_wrong_session: [400, 'This authorization attempt was started in another session'],
  iss_mismatch: [400, 'The answer comes from another issuer'],
  code_invalid: [400, 'Google refused the authorization code'],
  access_denied: [400, 'Access was denied at Google'],
  admin_policy_enforced: [400, 'The Google Workspace administrator does not allow this'],
  org_internal: [400, 'Only members of one organization may use this'],
  disallowed_useragent: [400, 'Google does not allow sign-in from this browser'],
  invalid_scope: [400, 'Google refused a requested scope'],
  unauthorized_client: [400, 'Google does not know this client for this use'],
  unsupported_response_type: [400, 'Google refused the response type'],
  server_error: [400, 'Google had an error of its own'],
  temporarily_unavailable: [400, 'Google asks to try again later'],
  interaction_required: [400, 'Google needs the user to act'],
  login_required: [400, 'Google needs the user to sign in'],
  consent_required: [400, 'Google needs the user to consent'],
  account_selection_required: [400, 'Google needs the user to choose an account'],
  unauthenticated: [401, 'Sign in first'],
  backend_key_invalid: [401, 'The backend key is not valid'],
  forbidden: [403, 'Not allowed'],
  sign_in_not_allowed: [403, 'This account may not sign in here'],
  missing_scopes: [403, 'The user has not granted what this needs'],
  cross_site: [403, 'Requests from that site are not allowed'],
  not_found: [404, 'Not found'],
  method_not_allowed: [405, 'This method is not allowed here'],
  request_timeout: [408, 'The request took too long to arrive'],
  needs_reconnect: [409, 'The connection is dead and must be made again'],
  account_mismatch: [409, 'That is another Google account'],
  refresh_token_missing: [409, 'Google gave no refresh token'],
  mailbox_unavailable: [409, 'This Google account has no Gmail'],
  in_progress: [409, 'The same Idempotency-Key is at work'],
  payload_too_large: [413, 'The body is too large'],
  message_too_large: [413, 'The mail is too large'],
  uri_too_long: [414, 'The URL is too long'],
  unsupported_media_type: [415, 'The content type is not supported'],
  idempotency_mismatch: [422, 'This Idempotency-Key came with another body'],
  subject_breaks_thread: [422, 'With this subject the reply would leave its conversation'],
  sender_not_allowed: [422, 'This account may not send from that address'],
  rate_limited: [429, 'Too many requests'],
  google_rate_limited: [429, 'Google asks to slow down'],
  headers_too_large: [431, 'The headers are too large'],
  internal: [500, 'Something went wrong'],
  google_invalid_response: [502, 'Google answered with something unusable'],
  send_outcome_unknown: [502, 'Whether the mail went out is not known'],
  google_unavailable: [503, 'Google cannot be reached'],
  google_misconfigured: [503, "This server's Google project is not set up for this"],
  handler_timeout: [503, 'The answer took too long'],
  database_unavailable: [503, 'The database cannot be reached'],
  unsealable: [503, 'A stored secret does not open with the configured keys'],
  audit_unavailable: [503, 'The audit trail cannot be written'],
  shutting_down: [503, 'The server is stopping']
} as const satisfies Record<string, readonly [status: number, title: string]>

export type ErrorCode = keyof typeof catalogue

/** Members an answer may carry beside the fixed ones; all of them safe to show to the caller. */
export interface ErrorDetails {
  detail?: string
  /** In place of the catalogue's status: `send_outcome_unknown` is 503 where the same call again finds out. */
  status?: number
  cause?: unknown
  /** Whole seconds, sent as Retry-After too. */
  retryAfterSeconds?: number
  connectUrl?: string
  reason?: string
  missingScopes?: string[]
  errors?: { pointer: string; message: string }[]
}

/** An error of the catalogue. `cause` keeps what led to it for the log, and never reaches an answer. */
export class GuichetError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly title: string
  readonly details: Omit<ErrorDetails, 'cause' | 'status'>

  constructor(code: ErrorCode, { cause, status, ...details }: ErrorDetails = {}) {
    const [usual, title] = catalogue[code]
    super(details.detail ?? title, cause === undefined ? undefined : { cause })
    this.name = 'GuichetError'
    this.code = code
    this.status = status ?? usual
    this.title = title
    this.details = details
  }
}

/** All of them, in the order of the catalogue. */
export const errorCodes = Object.keys(catalogue) as readonly ErrorCode[]

/** A cause that says in a code why something was refused: the log shows codes, and no messages. */
export class CodedError extends Error {
  readonly code: string

  constructor(code: string, cause?: unknown) {
    super(code, cause === undefined ? undefined : { cause })
    this.name = 'CodedError'
    this.code = code
  }
}

export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(catalogue, value)
}

/** Whether `error` is the catalogue's error of that code. */
export function hasCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof GuichetError && error.code === code
}
