import { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import { GuichetError } from '../../errors.ts'
import { createBoundedFetch } from '../../google/bounded-fetch.ts'
import { type GmailMethod, silent } from './costs.ts'
import { AccessTokenRefused, translate } from './google-error.ts'

/** What googleapis takes beside a method's parameters: handed through, as it carries token, bounds and signal. */
export type MethodOptions = Pick<gmail_v1.Options, 'headers' | 'fetchImplementation' | 'responseType' | 'signal'>
export type Users = gmail_v1.Resource$Users

export interface CallOptions {
  /** May be sent again after a lost answer. Default: whether the method only reads. */
  repeatable?: boolean
  /** The answer's body as it arrives: for attachments, raw mail and answers that may be large. */
  stream?: boolean
  signal?: AbortSignal
}

/**
 * One place through which every call to Gmail goes. It throws a GuichetError: `google_rate_limited`, `missing_scopes`,
 * `forbidden`, `not_found`, `invalid_request`, `needs_reconnect`, `google_unavailable`, `google_invalid_response`.
 */
export interface Gmail {
  call(
    method: GmailMethod,
    send: (users: Users, options: MethodOptions) => Promise<{ data: unknown }>,
    options: CallOptions & { stream: true }
  ): Promise<AsyncIterable<Uint8Array>>
  call<T>(
    method: GmailMethod,
    send: (users: Users, options: MethodOptions) => Promise<{ data: T }>,
    options?: CallOptions
  ): Promise<T>
}

/** The access token of one connection, as the calls need it. */
export interface AccessTokens {
  current(): Promise<string>
  /** Another one, for Google refused this. */
  renew(refused: string): Promise<string>
  /** What to throw when Google refuses the renewed one too. */
  refusedAgain(): Error
}

/** A message may hold 35 MB of attachments, in base64. */
const maxAnswerBytes = 64 * 1024 * 1024

/** Only Gmail is imported of googleapis: the whole package costs over a second and 100 MB. */
export function createGmailClient(options: {
  /** Root of Google's APIs; default Google's own. */
  apiUrl: string | undefined
  timeoutMs: number
  nowMs: () => number
}): (tokens: AccessTokens) => Gmail {
  const { apiUrl, timeoutMs, nowMs } = options
  const bounds = { timeoutMs, maxBytes: maxAnswerBytes }
  const { users } = new gmail_v1.Gmail({
    ...(apiUrl && { rootUrl: apiUrl }),
    // Else an environment variable could send the tokens to another host.
    universeDomain: 'googleapis.com',
    // What may be repeated is for this client to know.
    retry: false,
    fetchImplementation: createBoundedFetch(bounds)
  })
  const streaming = {
    responseType: 'stream' as const,
    fetchImplementation: createBoundedFetch({ ...bounds, stream: true })
  }

  return tokens => {
    async function call(
      method: GmailMethod,
      send: (users: Users, options: MethodOptions) => Promise<{ data: unknown }>,
      { stream = false, signal }: CallOptions = {}
    ): Promise<unknown> {
      const once = async (token: string) => {
        try {
          const { data } = await send(users, {
            headers: { authorization: `Bearer ${token}` },
            ...(stream && streaming),
            ...(signal && { signal })
          })
          if (!stream && !silent.has(method)) requireObject(data)
          return data
        } catch (error) {
          throw translate(error, nowMs())
        }
      }
      const token = await tokens.current()
      try {
        return await once(token)
      } catch (error) {
        if (!(error instanceof AccessTokenRefused)) throw error
      }
      // Nothing was done: Google refuses before it acts, so even a write may be sent again.
      const renewed = await tokens.renew(token)
      try {
        return await once(renewed)
      } catch (error) {
        if (!(error instanceof AccessTokenRefused)) throw error
        throw tokens.refusedAgain()
      }
    }
    return { call } as Gmail
  }
}

/** Gmail's answers are objects: an array, a scalar, a text or a blob is none of them. */
function requireObject(data: unknown): void {
  if (typeof data !== 'object' || data === null || Array.isArray(data) || data instanceof Blob)
    throw new GuichetError('google_invalid_response')
}
