import { CodedError, GuichetError } from '../../errors.ts'
import { ApiRefusal } from '../../google/api-client.ts'
import { retryAfterSeconds } from '../../retry-after.ts'
import { AccessTokenRefused } from '../access.ts'

/** Why Google refuses for a rate: too many calls at once, too many units, or too much sent. */
export type RateReason = 'concurrency' | 'rate' | 'sending'

/** What Gmail answered in place of a result, in codes alone: its texts may quote the request. The `cause` of our error. */
export class GmailRefusal extends Error {
  override name = 'GmailRefusal'
  /** For the log, which holds no messages. */
  readonly code: string
  readonly status: number
  /** Google's own word, such as `userRateLimitExceeded` or `SERVICE_DISABLED`. */
  readonly reason: string
  readonly rate: RateReason | undefined
  /** What Google asked to wait, if it did. */
  readonly waitMs: number | undefined

  constructor(status: number, reason: string, rate?: RateReason, waitMs?: number) {
    super(`Gmail answered ${status} ${reason}`)
    this.code = `${status} ${reason}`
    this.status = status
    this.reason = reason
    this.rate = rate
    this.waitMs = waitMs
  }
}

/** Google refuses this server's own project or client; only its operator can fix that. */
export class ProjectRefused extends GmailRefusal {
  override name = 'ProjectRefused'
  /** The project's number or id, where Google named it. */
  readonly project: string | undefined
  readonly api: string

  constructor(status: number, reason: string, told: string, usualApi: string) {
    super(status, reason)
    this.project = /\bprojects?[ /]([a-z0-9-]{4,30})\b/.exec(told)?.[1]
    this.api = /"service":\s*"([a-z0-9.-]{2,60})"/.exec(told)?.[1] ?? usualApi
    this.message += ` for the API ${this.api} of project ${this.project ?? 'unknown'}`
  }
}

const rateReasons = /^(rateLimitExceeded|userRateLimitExceeded|dailyLimitExceeded|quotaExceeded|RATE_LIMIT_EXCEEDED)$/
const scopeReasons = /^(insufficientPermissions|insufficientScopes|ACCESS_TOKEN_SCOPE_INSUFFICIENT)$/
const projectReasons =
  /^(accessNotConfigured|SERVICE_DISABLED|CONSUMER_INVALID|CONSUMER_SUSPENDED|USER_PROJECT_DENIED|BILLING_DISABLED|SERVICE_NOT_VISIBLE|RESOURCE_PROJECT_INVALID|GCP_SUSPENDED|invalid_client|unauthorized_client|deleted_client)$/
/** The sentence of an answer without a reason. */
const disabledApi = /API has not been used in project \S{1,40} before or it is disabled/
const usualWaitSeconds = 10
const usualOutageSeconds = 5

/**
 * Gmail's errors in ours: https://developers.google.com/workspace/gmail/api/guides/handle-errors. `usualApi` is what the
 * operator is told to enable where Google names none.
 */
export function translate(error: unknown, nowMs: number, usualApi = 'gmail.googleapis.com'): Error {
  if (error instanceof GuichetError) return error
  // Of googleapis itself: it may quote the call.
  if (!(error instanceof ApiRefusal))
    return new GuichetError('google_unavailable', { cause: new CodedError((error as Error).name) })
  const { status, text: told } = error
  if (status === 401) return new AccessTokenRefused()
  const reasons = [...told.matchAll(/"(?:reason|error)":\s*"([A-Za-z_]{1,60})"/g)].map(([, reason = '']) => reason)
  const reason = reasons.find(one => projectReasons.test(one)) ?? reasons[0] ?? String(status)
  // Gmail's limits per user say it in their message alone.
  const [, until] = /Retry after (\d{4}-\d\d-\d\dT[\d:.]{8,12}Z)/i.exec(told) ?? []
  const wait = retryAfterSeconds(error.retryAfter ?? until, nowMs)
  const refusal = (rate?: RateReason) =>
    new GmailRefusal(status, reason, rate, wait === undefined ? undefined : wait * 1000)
  const is = (pattern: RegExp) => reasons.some(one => pattern.test(one))

  if (status === 429 || (status === 403 && is(rateReasons))) {
    const kind = /concurrent/i.test(told)
      ? 'concurrency'
      : /mail sending|sending limit/i.test(told)
        ? 'sending'
        : 'rate'
    return new GuichetError('google_rate_limited', {
      retryAfterSeconds: wait ?? usualWaitSeconds,
      cause: refusal(kind)
    })
  }
  if (status === 403 && is(scopeReasons)) return new GuichetError('missing_scopes', { cause: refusal() })
  if (is(projectReasons) || (status === 403 && disabledApi.test(told)))
    return new GuichetError('google_misconfigured', { cause: new ProjectRefused(status, reason, told, usualApi) })
  if (status === 403)
    return new GuichetError('forbidden', {
      detail: is(/^domainPolicy$/)
        ? 'The Google Workspace administrator does not allow this.'
        : 'Google does not allow this for this account.',
      cause: refusal()
    })
  if (status === 404) return new GuichetError('not_found', { cause: refusal() })
  if (status === 400 && (is(/^failedPrecondition$/) || /"status":\s*"FAILED_PRECONDITION"/.test(told)))
    return new GuichetError('mailbox_unavailable', { cause: refusal() })
  if (status === 413) return new GuichetError('message_too_large', { cause: refusal() })
  if (status === 400 || status === 409)
    return new GuichetError('invalid_request', { detail: 'Gmail refused the request as invalid.', cause: refusal() })
  if (status >= 500)
    return new GuichetError('google_unavailable', { retryAfterSeconds: wait ?? usualOutageSeconds, cause: refusal() })
  return new GuichetError('google_invalid_response', { cause: refusal() })
}

/** Gmail's refusal, if it is the cause of `error`. */
export function refusalOf(error: unknown): GmailRefusal | undefined {
  return error instanceof GuichetError && error.cause instanceof GmailRefusal ? error.cause : undefined
}
