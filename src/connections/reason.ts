import { policyRefusals, type TokenEndpointError } from '../google/token-endpoint.ts'
import type { ConnectionRecord, Reason } from './record.ts'

/** Google's refusal in our closed list: https://developers.google.com/identity/protocols/oauth2#expiration */
export function toReason(error: TokenEndpointError, record: ConnectionRecord, nowMs: number): Reason {
  if (/^(invalid_rapt|rapt_required)$/.test(error.subtype ?? '')) return 'reauth_required'
  if (policyRefusals.has(error.subtype ?? '')) return 'admin_policy'
  if (error.subtype === 'account_disabled' || /disabled|deleted/i.test(error.description ?? ''))
    return 'account_disabled'
  if (record.refreshTokenExpiresAt && record.refreshTokenExpiresAt.getTime() <= nowMs) return 'refresh_token_expired'
  return 'revoked'
}
