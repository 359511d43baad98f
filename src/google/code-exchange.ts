import { CodedError, GuichetError } from '../errors.ts'
import { parseTokenAnswer, type TokenAnswer } from './token-answer.ts'
import { TokenEndpointError, toTokenEndpointError } from './token-endpoint.ts'

export interface AuthorizationCodeClient {
  // simple-oauth2's own type leaves out code_verifier.
  getToken(parameters: { code: string; redirect_uri: string; code_verifier: string }): Promise<{ token: object }>
}

/** What simple-oauth2 throws: a Boom whose data holds Google's answer, where there was one. */
interface ExchangeFailure {
  data?: {
    isResponseError?: boolean
    res?: { statusCode?: number; headers?: Record<string, string | undefined> }
    headers?: Record<string, string | undefined>
    payload?: unknown
  }
  output?: { statusCode?: number }
  isBoom?: boolean
}

/**
 * Exchanges a code (RFC 6749, section 4.1.3): once, and never again, for Google may have used it up.
 * @throws GuichetError `code_invalid`, `google_misconfigured` (the operator's OAuth client), `google_unavailable`,
 * `google_invalid_response`
 */
export async function exchangeCode(
  client: AuthorizationCodeClient,
  parameters: { code: string; redirect_uri: string; code_verifier: string },
  {
    timeoutMs,
    nowMs,
    onOperatorFault
  }: { timeoutMs: number; nowMs: () => number; onOperatorFault: (fault: Error) => void }
): Promise<TokenAnswer> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new GuichetError('google_unavailable', { cause: new CodedError('time_out') })),
      timeoutMs
    )
  })
  try {
    const { token } = await Promise.race([client.getToken(parameters), deadline])
    return parseTokenAnswer(token)
  } catch (error) {
    if (error instanceof GuichetError) throw error
    const failure = toFailure(error as ExchangeFailure, nowMs())
    if (failure.fault === 'operator') onOperatorFault(failure)
    if (failure.fault === 'invalid_grant') throw new GuichetError('code_invalid', { cause: failure })
    if (failure.fault === 'invalid_response') throw new GuichetError('google_invalid_response', { cause: failure })
    throw new GuichetError(failure.fault === 'operator' ? 'google_misconfigured' : 'google_unavailable', {
      cause: failure,
      ...(failure.retryAfterSeconds !== undefined && { retryAfterSeconds: failure.retryAfterSeconds })
    })
  } finally {
    clearTimeout(timer)
  }
}

/** The original is dropped: it holds the request, and with it the code and the client's secret. */
function toFailure({ data, output, isBoom }: ExchangeFailure, nowMs: number): TokenEndpointError {
  const status = data?.res?.statusCode
  if (data?.isResponseError && status !== undefined)
    return toTokenEndpointError(status, data.payload, data.headers?.['retry-after'], nowMs)
  // A body that never ended, or an answer cut short: nothing usable came, but something did.
  const unreadable =
    status !== undefined &&
    (output?.statusCode === 406 ||
      output?.statusCode === 502 ||
      output?.statusCode === 413 ||
      output?.statusCode === 400)
  // Its status may still say that it is a passing fault.
  if (unreadable) return toTokenEndpointError(status, undefined, data?.res?.headers?.['retry-after'], nowMs)
  return new TokenEndpointError(isBoom ? 'transient' : 'invalid_response')
}
