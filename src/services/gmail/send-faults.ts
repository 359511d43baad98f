import { GuichetError, hasCode } from '../../errors.ts'
import { ApiRefusal, RequestNotSent } from '../../google/api-client.ts'

/** Whether a failed call proves that the mail was not sent. */

/** An app may try again after this. */
export const resumeSeconds = 2

/**
 * Whether Gmail may have acted although a call failed. The last call decides: what fails before it (a pause, a token, a
 * renewal after 401) fails where nothing was done.
 */
export function watched() {
  let mayHaveActed = false
  return {
    async watch<T>(call: Promise<T>): Promise<T> {
      mayHaveActed = true
      try {
        return await call
      } catch (error) {
        const isRefused = error instanceof ApiRefusal && error.status < 500
        const isUnsent = error instanceof Error && error.cause instanceof RequestNotSent
        if (isRefused || isUnsent) mayHaveActed = false
        throw error
      }
    },
    isUncertain: (error: unknown) => mayHaveActed && isUnclear(error)
  }
}

export function isUnclear(error: unknown): boolean {
  return hasCode(error, 'google_unavailable') || hasCode(error, 'google_invalid_response')
}

/** Gmail or guichet refuses this mail: a retry changes nothing. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof GuichetError)) return false
  const { status, code } = error
  return (
    status < 500 && status !== 429 && code !== 'in_progress' && code !== 'needs_reconnect' && code !== 'missing_scopes'
  )
}

export function unknown(cause: unknown): GuichetError {
  return new GuichetError('send_outcome_unknown', { status: 503, retryAfterSeconds: resumeSeconds, cause })
}

/** The outcome cannot be found out now; the same key again will. */
export async function unlessUnknown<T>(asked: Promise<T>, fault: unknown): Promise<T> {
  try {
    return await asked
  } catch {
    throw unknown(fault)
  }
}
