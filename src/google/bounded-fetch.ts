import type { RequestInfo, RequestInit, Response } from 'undici'
import { CodedError, GuichetError } from '../errors.ts'
import { lazily } from '../lazily.ts'

const undici = lazily<typeof import('undici')>('undici')

export interface Bounds {
  /** For the whole call: connecting, headers and body. What its reader takes does not count. */
  timeoutMs: number
  /** Of the body, after decompression. */
  maxBytes: number
}

/**
 * undici's own, and not the one inside Node: the same client whichever Node runs, and loaded once, for webhooks need it too.
 * Callers treat the two alike; only their types differ.
 */
export type Fetch = typeof globalThis.fetch

/**
 * A fetch that always ends: bounded in time and size, and it follows no redirect (a token sent to Google goes nowhere else).
 * The answer is read whole before it is returned.
 * @throws GuichetError `google_unavailable` when nothing usable came in time, `google_invalid_response` past the size
 */
export function createBoundedFetch({ timeoutMs, maxBytes }: Bounds): Fetch {
  const boundedFetch = async (input: RequestInfo, init?: RequestInit): Promise<Response> => {
    const { Response } = undici()
    const time = createAllowance(timeoutMs)
    const signal = init?.signal ? AbortSignal.any([init.signal, time.signal]) : time.signal
    const send = () => undici().fetch(input, { ...init, redirect: 'manual', signal })
    try {
      const response = await time.waitFor(() =>
        send().catch(error => {
          if ((init?.method ?? 'GET') !== 'GET' || !isReset(error.cause)) throw error
          return send()
        })
      )
      const { status, statusText, headers } = response
      const chunks: Uint8Array[] = []
      for await (const chunk of limited(response.body ?? [], maxBytes, time)) chunks.push(chunk)
      const body = Buffer.concat(chunks)
      // The constructor refuses a body, even an empty one, with these.
      return new Response([204, 205, 304].includes(status) ? null : body, { status, statusText, headers })
    } catch (cause) {
      if (cause instanceof GuichetError) throw cause
      throw new GuichetError('google_unavailable', { cause })
    }
  }
  return boundedFetch as unknown as Fetch
}

/**
 * An idle connection may be closed just as it is used again (RFC 9112, section 9.5). What only reads is asked once more;
 * anything else may have been done.
 */
export function isReset(error: { code?: string } | undefined): boolean {
  return error?.code === 'ECONNRESET' || error?.code === 'UND_ERR_SOCKET'
}

/** A body as it arrives, under its bounds; what is left of it when its reader goes is cut off. @throws as a bounded fetch */
export async function* limited(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
  { waitFor }: Allowance
): AsyncGenerator<Uint8Array, undefined> {
  const chunks = Symbol.asyncIterator in body ? body[Symbol.asyncIterator]() : body[Symbol.iterator]()
  let length = 0
  try {
    for (;;) {
      const { done, value } = await waitFor(async () => chunks.next())
      if (done) return
      length += value.length
      if (length > maxBytes)
        throw new GuichetError('google_invalid_response', { cause: new CodedError('answer_too_large') })
      yield value
    }
  } catch (cause) {
    // Of a stream this reaches its reader as it is.
    if (cause instanceof GuichetError) throw cause
    throw new GuichetError('google_unavailable', { cause })
  } finally {
    // Cancels the body, and with it the connection, where there is more of it.
    await chunks.return?.()
  }
}

/** The time that a call has. */
export interface Allowance {
  /** Aborts once the time is used up. */
  signal: AbortSignal
  /** Time passes only in here. */
  waitFor<T>(step: () => Promise<T>): Promise<T>
}

export function createAllowance(timeoutMs: number): Allowance {
  const timeout = new AbortController()
  let leftMs = timeoutMs
  return {
    signal: timeout.signal,
    async waitFor(step) {
      const startedAtMs = performance.now()
      const { promise: late, reject } = Promise.withResolvers<never>()
      const end = () => {
        timeout.abort()
        reject(timeout.signal.reason)
      }
      const timer = setTimeout(end, Math.max(0, leftMs))
      try {
        // undici heeds no signal while it connects.
        return await Promise.race([step(), late])
      } finally {
        clearTimeout(timer)
        leftMs -= performance.now() - startedAtMs
      }
    }
  }
}
