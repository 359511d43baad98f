import { gunzipSync } from 'node:zlib'
import type { Dispatcher } from 'undici'

/** What is read ahead of the reader, and so the size up to which an answer is given whole. */
const maxAheadBytes = 64 * 1024
/** Of an answer that is decompressed at once: larger ones are decompressed as they are read, in another thread. */
const maxInflatedBytes = 128 * 1024

type Headers = Dispatcher.ResponseData['headers']

/** An answer to a GET. */
export interface GetAnswer {
  statusCode: number
  headers: Headers
  /** Its bytes as they arrive. */
  body: AsyncIterable<Uint8Array>
  /**
   * Resolves once all of a small answer is here, or there is more of it than is read ahead; with all its bytes,
   * decompressed, if it is small.
   */
  whole(): Promise<Buffer | undefined>
}

/**
 * Asks by GET. undici's own `request` gives each body as a stream of Node's, which for the small answers that lists
 * are made of costs more than the call. `signal` ends it at any moment. @throws (rejects) undici's errors, the signal's reason
 */
export function get(
  dispatcher: Dispatcher,
  url: string,
  { headers, signal }: { headers: Record<string, string>; signal: AbortSignal }
): Promise<GetAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<GetAnswer>()
  const body = createBody()
  let controller: Dispatcher.DispatchController | undefined
  function fail(error: unknown): void {
    signal.removeEventListener('abort', abort)
    reject(error)
    body.fail(error)
  }
  function abort(): void {
    fail(signal.reason)
    controller?.abort(signal.reason)
  }
  signal.addEventListener('abort', abort)
  const { origin, pathname, search } = new URL(url)
  dispatcher.dispatch(
    { origin, path: pathname + search, method: 'GET', headers },
    {
      onRequestStart(started) {
        controller = started
        if (signal.aborted) started.abort(signal.reason)
      },
      onResponseStart(controller, statusCode, headers) {
        // Only a hint, before the answer (RFC 9110, section 15.2).
        if (statusCode < 200) return
        body.begin(controller)
        resolve({ statusCode, headers, body: body.read(), whole: () => body.whole(headers['content-encoding']) })
      },
      onResponseData: (_controller, chunk) => body.push(chunk),
      onResponseEnd() {
        signal.removeEventListener('abort', abort)
        body.end()
      },
      onResponseError: (_controller, error) => fail(error)
    }
  )
  return promise
}

/** What has arrived and was not read yet. */
function createBody() {
  const chunks: Uint8Array[] = []
  let ahead = 0
  let controller: Dispatcher.DispatchController | undefined
  let isEnded = false
  let failure: { error: unknown } | undefined
  let wake = () => {}
  const change = () => new Promise<void>(resolve => (wake = resolve))

  async function* read(): AsyncGenerator<Uint8Array, void> {
    try {
      for (;;) {
        const chunk = chunks.shift()
        if (chunk) {
          ahead -= chunk.length
          if (ahead < maxAheadBytes) controller?.resume()
          yield chunk
        } else if (failure) throw failure.error
        else if (isEnded) return
        else await change()
      }
    } finally {
      // Its reader goes: nobody wants the rest.
      if (!isEnded && !failure) controller?.abort(new Error('not read to its end'))
    }
  }

  return {
    read,
    begin(started: Dispatcher.DispatchController) {
      controller = started
    },
    push(chunk: Uint8Array) {
      chunks.push(chunk)
      ahead += chunk.length
      if (ahead >= maxAheadBytes) controller?.pause()
      wake()
    },
    end() {
      isEnded = true
      wake()
    },
    fail(error: unknown) {
      failure ??= { error }
      wake()
    },
    async whole(encoding: string | string[] | undefined): Promise<Buffer | undefined> {
      while (!isEnded && !failure && ahead < maxAheadBytes) await change()
      if (!isEnded || ahead >= maxAheadBytes) return undefined
      const [first] = chunks
      const bytes =
        chunks.length === 1 && first ? Buffer.from(first.buffer, first.byteOffset, first.length) : Buffer.concat(chunks)
      if (encoding === undefined) return bytes
      try {
        return gunzipSync(bytes, { maxOutputLength: maxInflatedBytes })
      } catch {
        // Too large for that, or no gzip: its reader will see.
        return undefined
      }
    }
  }
}
