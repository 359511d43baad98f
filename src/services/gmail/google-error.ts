import { GuichetError } from '../../errors.ts'
import { retryAfterSeconds } from '../../retry-after.ts'

/** Google no longer takes this access token: refresh once, then it is the connection that is wrong. */
export class AccessTokenRefused extends Error {
  override name = 'AccessTokenRefused'
}

interface GoogleFailure {
  status?: number
  cause?: unknown
  response?: { headers?: Headers; data?: unknown }
}

const rateReasons = /rateLimitExceeded|userRateLimitExceeded|dailyLimitExceeded|quotaExceeded/

/** Gmail's errors in ours: https://developers.google.com/workspace/gmail/api/guides/handle-errors */
export function translate(error: unknown, nowMs: number): Error {
  if (error instanceof GuichetError) return error
  const { status, response, cause } = error as GoogleFailure
  // The bounded fetch's own error, wrapped by googleapis; its config holds the token and must not travel on.
  if (cause instanceof GuichetError) return cause
  if (!status) return new GuichetError('google_unavailable', { cause: new Error((error as Error).name) })
  const told = JSON.stringify(response?.data ?? '')
  // Gmail's limits per user say it in their message alone.
  const [, until] = /Retry after (\d{4}-\d\d-\d\dT[\d:.]{8,12}Z)/i.exec(told) ?? []
  const wait = retryAfterSeconds(response?.headers?.get?.('retry-after') ?? until, nowMs)
  if (status === 401) return new AccessTokenRefused()
  if (status === 429 || (status === 403 && rateReasons.test(told)))
    return new GuichetError('google_rate_limited', { retryAfterSeconds: wait ?? 10 })
  if (status === 403 && /insufficientPermissions|insufficientScopes|ACCESS_TOKEN_SCOPE_INSUFFICIENT/.test(told))
    return new GuichetError('missing_scopes')
  if (status === 403) return new GuichetError('forbidden', { detail: 'Google does not allow this for this account.' })
  if (status === 404) return new GuichetError('not_found')
  if (status === 400) return new GuichetError('invalid_request', { detail: 'Gmail refused the request as invalid.' })
  if (status >= 500) return new GuichetError('google_unavailable', { retryAfterSeconds: wait ?? 5 })
  return new GuichetError('google_invalid_response')
}
