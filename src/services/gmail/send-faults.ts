import { GuichetError, hasCode } from '../../errors.ts'

/** What a failed call says of the mail: that it did not go, or nothing. */

/** An app may try again after this. */
export const resumeSeconds = 2

/** Whether Gmail may have acted on a call that failed. */
export function watched() {
  let isUnderWay = false
  return {
    async watch<T>(call: Promise<T>): Promise<T> {
      isUnderWay = true
      try {
        return await call
      } catch (error) {
        const { status } = error as { status?: number }
        // Refused before it acted, or never reached.
        if ((status !== undefined && status < 500) || wasNotReached(error)) isUnderWay = false
        throw error
      }
    },
    isUncertain: (error: unknown) => isUnderWay && isUnclear(error)
  }
}

export function isUnclear(error: unknown): boolean {
  return hasCode(error, 'google_unavailable') || hasCode(error, 'google_invalid_response')
}

function wasNotReached(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 6; cause = cause.cause, depth++) {
    const { code } = cause as { code?: unknown }
    if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'UND_ERR_CONNECT_TIMEOUT')
      return true
  }
  return false
}

/** Gmail, or we, will not have this mail: asking again changes nothing. */
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

/** The same key again finds out what cannot be found out now. */
export async function unlessUnknown<T>(asked: Promise<T>, fault: unknown): Promise<T> {
  try {
    return await asked
  } catch {
    throw unknown(fault)
  }
}
