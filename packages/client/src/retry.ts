import { GuichetError, readAnswer } from './error.ts'

export interface Call {
  method?: 'GET' | 'POST' | 'DELETE'
  path: string
  body?: object
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
}

export interface CallerOptions {
  url: string
  key: string
  fetch: typeof fetch
  /** The maximum number of times a call is sent; default 4. */
  attempts: number
  /** A longer Retry-After is not waited for: the error is thrown at once. Default 30. */
  maxWaitSeconds: number
}

/** Refusals that come with a time to try again, and the same Idempotency-Key at work. */
const passing = new Set([409, 429, 503])

/**
 * Sends calls with the backend key, and repeats them after Retry-After, or if there was no answer. Every call
 * may be repeated: a send carries its key, and the others change nothing the second time.
 */
export function createCaller({ url, key, fetch, attempts, maxWaitSeconds }: CallerOptions) {
  const root = `${url.replace(/\/$/, '')}/v1/`

  async function send({ method = 'GET', path, body, headers, signal }: Call): Promise<Response> {
    const init = {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        accept: 'application/json',
        ...(body && { 'content-type': 'application/json' }),
        ...headers
      },
      ...(body && { body: JSON.stringify(body) }),
      ...(signal && { signal })
    }
    return fetch(root + path, init).catch(cause => {
      signal?.throwIfAborted()
      throw new GuichetError({ code: 'offline' }, cause)
    })
  }

  return async function call<T>(wanted: Call): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      let waitSeconds: number | undefined
      try {
        const response = await send(wanted)
        if (passing.has(response.status)) waitSeconds = readRetryAfter(response)
        return await readAnswer<T>(response)
      } catch (error) {
        if (!(error instanceof GuichetError)) throw error
        if (error.code === 'offline') waitSeconds = attempt / 4
        if (waitSeconds === undefined || waitSeconds > maxWaitSeconds || attempt >= attempts) throw error
      }
      await pause(waitSeconds, wanted.signal)
    }
  }
}

/** guichet's are whole seconds; a proxy may send a date. */
function readRetryAfter({ headers }: Response): number | undefined {
  const value = headers.get('retry-after')
  if (value === null) return undefined
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds)
}

/** @throws the signal's reason */
export async function pause(seconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  await new Promise<void>(resolve => {
    const timer = setTimeout(end, seconds * 1000)
    signal?.addEventListener('abort', end)
    function end(): void {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
  })
  signal?.throwIfAborted()
}
