import type { ErrorCode } from '../errors.ts'

/**
 * What Google may send as `error=` (RFC 6749, section 4.1.2.1; OIDC Core 3.1.2.6; Google's own). Closed: whatever else
 * comes is not repeated to anyone, for the sender of a callback chooses it.
 */
export const callbackErrors: readonly ErrorCode[] = [
  'access_denied',
  'admin_policy_enforced',
  'org_internal',
  'disallowed_useragent',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_response_type',
  'server_error',
  'temporarily_unavailable',
  'interaction_required',
  'login_required',
  'consent_required',
  'account_selection_required'
]

export function toCallbackError(error: string | undefined): ErrorCode {
  return callbackErrors.find(code => code === error) ?? 'invalid_request'
}
