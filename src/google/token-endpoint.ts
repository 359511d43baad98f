import { z } from 'zod'
import { GuichetError } from '../errors.ts'
import { retryAfterSeconds } from '../retry-after.ts'
import type { Fetch } from './bounded-fetch.ts'
import type { Endpoints } from './endpoints.ts'
import { parseTokenAnswer, type TokenAnswer } from './token-answer.ts'

/**
 * What went wrong at the token endpoint, told apart by whom it is about:
 * the user's grant, the operator's OAuth client, or nobody (a passing fault).
 */
export type TokenFault = 'invalid_grant' | 'operator' | 'transient' | 'invalid_response'

export class TokenEndpointError extends Error {
  readonly fault: TokenFault
  /** Why, for the log: the OAuth error where it is a known one, else what was wrong with the answer. */
  readonly code: string
  /** Google's refinement of `error`, such as `invalid_rapt`. */
  readonly subtype: string | undefined
  readonly description: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(
    fault: TokenFault,
    options: {
      code?: string | undefined
      subtype?: string | undefined
      description?: string | undefined
      retryAfterSeconds?: number | undefined
      cause?: unknown
    } = {}
  ) {
    super(fault, { cause: options.cause })
    this.name = 'TokenEndpointError'
    this.fault = fault
    this.code = options.code ?? fault
    this.subtype = options.subtype
    this.description = options.description
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

const ErrorAnswer = z.object({
  error: z.string(),
  error_subtype: z.string().optional().catch(undefined),
  error_description: z.string().optional().catch(undefined)
})

/**
 * What Google says in place of `invalid_grant` where a policy forbids this account what it granted: that of its
 * Workspace (https://developers.google.com/identity/protocols/oauth2#expiration) or Google's Advanced Protection.
 */
export const policyRefusals: ReadonlySet<string> = new Set(['admin_policy_enforced', 'policy_enforced', 'org_internal'])

/** Errors that only the operator can fix (RFC 6749, section 5.2; Google's own): a closed list, because the sender chooses the text. */
const operatorErrors = [
  'invalid_client',
  'unauthorized_client',
  'redirect_uri_mismatch',
  'invalid_request',
  'invalid_scope',
  'unsupported_grant_type',
  'deleted_client',
  'disabled_client',
  'org_internal',
  'access_denied'
]

/** Passing faults in words (RFC 6749, section 4.1.2.1; Google's own): not every answer of this kind has a 5xx or 429. */
const transientErrors: ReadonlySet<string> = new Set([
  'server_error',
  'temporarily_unavailable',
  'internal_failure',
  'rate_limit_exceeded'
])

/** Reads a token endpoint's refusal (RFC 6749, section 5.2). */
export function toTokenEndpointError(
  status: number,
  body: unknown,
  retryAfter: string | null | undefined,
  nowMs: number
): TokenEndpointError {
  const wait = retryAfterSeconds(retryAfter, nowMs)
  if (status >= 500 || status === 429 || status === 408)
    return new TokenEndpointError('transient', { code: `status_${status}`, retryAfterSeconds: wait })
  const parsed = ErrorAnswer.safeParse(body)
  if (!parsed.success || (status !== 400 && status !== 401 && status !== 403))
    return new TokenEndpointError('invalid_response', { code: `status_${status}` })
  const { error, error_subtype: subtype, error_description: description } = parsed.data
  if (error === 'invalid_grant') return new TokenEndpointError('invalid_grant', { subtype, description })
  if (policyRefusals.has(error)) return new TokenEndpointError('invalid_grant', { subtype: error, description })
  if (transientErrors.has(error)) return new TokenEndpointError('transient', { code: error, retryAfterSeconds: wait })
  // invalid_client, unauthorized_client, redirect_uri_mismatch, …: only the operator can fix these.
  return new TokenEndpointError('operator', { code: operatorErrors.find(known => known === error) ?? 'unknown_error' })
}

export interface TokenEndpoint {
  /** @throws TokenEndpointError */
  refresh(refreshToken: string): Promise<TokenAnswer>
  /**
   * Takes the whole grant of account × client; a token that is already dead counts as revoked. The client shows who it
   * is (RFC 7009, section 2.1): Google does not need it, and accepts it.
   * @throws TokenEndpointError
   */
  revoke(token: string): Promise<void>
}

/** The calls that keep a grant alive and end it. The code exchange is @fastify/oauth2's. */
export function createTokenEndpoint(options: {
  endpoints: () => Promise<Endpoints>
  clientId: string
  clientSecret: string
  nowMs: () => number
  fetch: Fetch
}): TokenEndpoint {
  const { endpoints, clientId, clientSecret, nowMs, fetch } = options

  async function post(url: string, form: Record<string, string>): Promise<{ response: Response; body: unknown }> {
    try {
      const response = await fetch(url, {
        method: 'POST',
        body: new URLSearchParams(form),
        headers: { accept: 'application/json' }
      })
      const text = await response.text()
      return { response, body: parseJson(text) }
    } catch (cause) {
      const tooLarge = cause instanceof GuichetError && cause.code === 'google_invalid_response'
      throw new TokenEndpointError(tooLarge ? 'invalid_response' : 'transient', { cause })
    }
  }

  async function urlOf(endpoint: 'tokenEndpoint' | 'revocationEndpoint'): Promise<string> {
    try {
      return (await endpoints())[endpoint]
    } catch (cause) {
      throw new TokenEndpointError('transient', { cause })
    }
  }

  return {
    async refresh(refreshToken) {
      const { response, body } = await post(await urlOf('tokenEndpoint'), {
        grant_type: 'refresh_token',
        refresh_token: refreshToken,
        client_id: clientId,
        client_secret: clientSecret
      })
      if (response.status !== 200)
        throw toTokenEndpointError(response.status, body, response.headers.get('retry-after'), nowMs())
      try {
        return parseTokenAnswer(body)
      } catch (cause) {
        throw new TokenEndpointError('invalid_response', { cause })
      }
    },

    async revoke(token) {
      const { response, body } = await post(await urlOf('revocationEndpoint'), {
        token,
        client_id: clientId,
        client_secret: clientSecret
      })
      if (response.ok) return
      const alreadyGone = response.status === 400 && ErrorAnswer.safeParse(body).data?.error === 'invalid_token'
      if (!alreadyGone) throw toTokenEndpointError(response.status, body, response.headers.get('retry-after'), nowMs())
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
