import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Dispatcher } from 'undici'
import { CodedError, GuichetError } from '../errors.ts'
import { lazily } from '../lazily.ts'
import { type Bounds, createAllowance, isReset, limited } from './bounded-fetch.ts'
import { type GetAnswer, get } from './read-whole.ts'

const undici = lazily<typeof import('undici')>('undici')

/** A call as googleapis has put it together. */
interface ApiRequest {
  url: string
  method?: Dispatcher.HttpMethod
  params?: object
  paramsSerializer?: (params: object) => string
  headers: Headers | Iterable<[string, string]>
  /** An object, which goes as JSON; or the stream of an upload. */
  data?: object | Readable
  responseType?: string
  signal?: AbortSignal
  /** Milliseconds that the caller has left, where that is less than the client's own bound. */
  timeout?: number
}

/** An answer of Google's that is not a success. */
export class ApiRefusal extends Error {
  override name = 'ApiRefusal'
  readonly status: number
  readonly retryAfter: string | undefined
  /** As much of the body as may say why. */
  readonly text: string

  constructor(status: number, retryAfter: string | undefined, text: string) {
    super(`Google answered ${status}`)
    this.status = status
    this.retryAfter = retryAfter
    this.text = text
  }
}

/** The call ended before Google had the whole request: nothing was done. The `cause` of our error. */
export class RequestNotSent extends CodedError {
  override name = 'RequestNotSent'

  constructor(cause: unknown) {
    super('request_not_sent', cause)
  }
}

/** An answer's bytes as they arrive. */
export interface ApiBytes extends AsyncIterable<Uint8Array> {
  /** All of them, where the answer is small: before any is read. */
  whole(): Promise<Buffer | undefined>
}

export interface ApiClient {
  request(asked: ApiRequest): Promise<{ data: unknown }>
}

const maxRefusalBytes = 65_536

/**
 * What googleapis is given as `auth`, and calls in place of its own HTTP client, which costs several times as much. Each
 * call ends, bounded in time and size, and follows no redirect: a token sent to Google goes nowhere else. The answer's
 * `data` is its JSON; or its bytes (ApiBytes), where a stream was asked for.
 * @throws ApiRefusal for an answer that is no success; GuichetError `google_unavailable` when nothing usable came in time,
 * `google_invalid_response` past the size or for what is no JSON. The cause is RequestNotSent where a write cannot have been done
 */
export function createApiClient({ timeoutMs, maxBytes }: Bounds): ApiClient {
  async function request(asked: ApiRequest): Promise<{ data: unknown }> {
    const {
      url,
      method = 'GET',
      params,
      paramsSerializer,
      headers,
      data,
      signal,
      timeout = timeoutMs,
      responseType
    } = asked
    const time = createAllowance(Math.min(timeout, timeoutMs))
    const target = params && paramsSerializer ? `${url}?${paramsSerializer(params)}` : url
    const isStream = typeof (data as Readable | undefined)?.pipe === 'function'
    const options = {
      method,
      headers: Object.fromEntries(headers) as Record<string, string>,
      signal: signal ? AbortSignal.any([signal, time.signal]) : time.signal,
      body: null as string | Readable | null
    }
    if (isStream) options.body = data as Readable
    else if (data) {
      options.headers['content-type'] = 'application/json'
      options.body = JSON.stringify(data)
    }
    const isRead = method === 'GET'
    let hasBegun = isRead
    const send = (): Promise<GetAnswer | Dispatcher.ResponseData> =>
      isRead
        ? get(undici().getGlobalDispatcher(), target, options)
        : undici().request(target, { ...options, dispatcher: dispatcherWith(() => (hasBegun = true)) })
    const isSent = () => hasBegun && !(isStream && !(data as Readable).readableEnded)
    try {
      const answer = await time.waitFor(() =>
        send().catch(error => {
          if (!isRead || !isReset(error)) throw error
          return send()
        })
      )
      const { statusCode: status } = answer
      const isSuccess = status >= 200 && status < 300
      const received = limited(decoded(answer), isSuccess ? maxBytes : maxRefusalBytes, time)
      if (!isSuccess) throw new ApiRefusal(status, textOf(answer.headers['retry-after']), await readSome(received))
      const whole = async () => {
        if (!('whole' in answer)) return undefined
        // What goes wrong meets who reads the rest.
        const bytes = await time.waitFor(answer.whole).catch(() => undefined)
        return bytes && bytes.length <= maxBytes ? bytes : undefined
      }
      if (responseType === 'stream') return { data: Object.assign(received, { whole }) }
      const bytes = await whole()
      if (bytes) return { data: parse(bytes.toString()) }
      const chunks: Uint8Array[] = []
      for await (const chunk of received) chunks.push(chunk)
      return { data: parse(Buffer.concat(chunks).toString()) }
    } catch (cause) {
      if (cause instanceof GuichetError || cause instanceof ApiRefusal) throw cause
      throw new GuichetError('google_unavailable', { cause: isSent() ? cause : new RequestNotSent(cause) })
    }
  }
  return { request }
}

/** The default agent; `onBegin` is called when a connection is there and the request is sent on it. */
function dispatcherWith(onBegin: () => void): Dispatcher {
  return undici()
    .getGlobalDispatcher()
    .compose(dispatch => (options, handler) => {
      const begin = handler.onRequestStart?.bind(handler)
      handler.onRequestStart = (controller, context) => {
        onBegin()
        begin?.(controller, context)
      }
      return dispatch(options, handler)
    })
}

/** googleapis always asks for gzip. Nothing is read before its reader asks. */
function decoded({ body, headers }: Pick<GetAnswer, 'body' | 'headers'>): AsyncIterable<Uint8Array> {
  if (headers['content-encoding'] === undefined) return body
  // An error reaches the reader.
  return { [Symbol.asyncIterator]: () => pipeline(body, createGunzip(), () => {})[Symbol.asyncIterator]() }
}

/** Undefined for an empty body. */
function parse(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    // Its message quotes the answer.
    throw new GuichetError('google_invalid_response', { cause: new CodedError('no_json') })
  }
}

/** A refusal whose body is too long or cut short still counts as a refusal. */
async function readSome(received: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of received) chunks.push(chunk)
  } catch {}
  return Buffer.concat(chunks).toString()
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
