import { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import { GuichetError } from '../../errors.ts'
import { createBoundedFetch } from '../../google/bounded-fetch.ts'
import { retryAfterSeconds } from '../../retry-after.ts'
import { attachmentBytes } from './attachment.ts'

/** Google no longer takes this access token: refresh once, then it is the connection that is wrong. */
export class AccessTokenRefused extends Error {
  override name = 'AccessTokenRefused'
}

export type MessageFormat = 'metadata' | 'full' | 'raw'
export interface ListQuery {
  q?: string | undefined
  labelIds?: string[] | undefined
  maxResults?: number | undefined
  pageToken?: string | undefined
}
export interface LabelChange {
  addLabelIds?: string[] | undefined
  removeLabelIds?: string[] | undefined
}

/** Google's own JSON, handed on as it is. */
export type Resource = Record<string, unknown>

/**
 * One mailbox, as the Gmail API shows it (https://developers.google.com/workspace/gmail/api/reference/rest). Every
 * method throws AccessTokenRefused, or a GuichetError: `google_rate_limited`, `missing_scopes`, `not_found`,
 * `invalid_request`, `google_unavailable`, `google_invalid_response`.
 */
export interface Mailbox {
  profile(): Promise<Resource>
  labels(): Promise<Resource>
  messages(query: ListQuery): Promise<Resource>
  message(id: string, format: MessageFormat): Promise<Resource>
  /** The attachment's bytes, as they arrive. */
  attachment(messageId: string, id: string): Promise<AsyncIterable<Uint8Array>>
  threads(query: ListQuery): Promise<Resource>
  thread(id: string, format: Exclude<MessageFormat, 'raw'>): Promise<Resource>
  modify(id: string, change: LabelChange): Promise<Resource>
  batchModify(ids: string[], change: LabelChange): Promise<void>
  trash(id: string): Promise<Resource>
  untrash(id: string): Promise<Resource>
}

/** A message may hold 35 MB of attachments, in base64. */
const maxAnswerBytes = 64 * 1024 * 1024

/** Opens mailboxes by access token. Only Gmail is imported of googleapis: the whole package costs over a second and 100 MB. */
export function createGmail(options: {
  apiUrl: string | undefined
  timeoutMs: number
  nowMs: () => number
}): (accessToken: string) => Mailbox {
  const { apiUrl, timeoutMs, nowMs } = options
  const bounds = { timeoutMs, maxBytes: maxAnswerBytes }
  const client = new gmail_v1.Gmail({
    ...(apiUrl && { rootUrl: apiUrl }),
    // Else an environment variable could send the tokens to another host.
    universeDomain: 'googleapis.com',
    // What may be repeated is for the caller to know.
    retry: false,
    fetchImplementation: createBoundedFetch(bounds)
  })
  const streaming = {
    responseType: 'stream' as const,
    fetchImplementation: createBoundedFetch({ ...bounds, stream: true })
  }

  return accessToken => {
    const headers = { authorization: `Bearer ${accessToken}` }
    const { labels, messages, threads, getProfile } = {
      labels: client.users.labels,
      messages: client.users.messages,
      threads: client.users.threads,
      getProfile: client.users.getProfile.bind(client.users)
    }
    const call = async (request: Promise<{ data: unknown }>): Promise<Resource> => {
      try {
        const { data } = await request
        if (typeof data !== 'object' || data === null) throw new GuichetError('google_invalid_response')
        return data as Resource
      } catch (error) {
        throw translate(error, nowMs())
      }
    }

    return {
      profile: () => call(getProfile({ userId: 'me' }, { headers })),
      labels: () => call(labels.list({ userId: 'me' }, { headers })),
      messages: query => call(messages.list({ userId: 'me', ...defined(query) }, { headers })),
      message: (id, format) => call(messages.get({ userId: 'me', id, format }, { headers })),
      attachment: async (messageId, id) =>
        attachmentBytes(
          await call(messages.attachments.get({ userId: 'me', messageId, id }, { headers, ...streaming }))
        ),
      threads: query => call(threads.list({ userId: 'me', ...defined(query) }, { headers })),
      thread: (id, format) => call(threads.get({ userId: 'me', id, format }, { headers })),
      modify: (id, change) => call(messages.modify({ userId: 'me', id, requestBody: defined(change) }, { headers })),
      batchModify: async (ids, change) => {
        await messages
          .batchModify({ userId: 'me', requestBody: { ids, ...defined(change) } }, { headers })
          .catch(error => {
            throw translate(error, nowMs())
          })
      },
      trash: id => call(messages.trash({ userId: 'me', id }, { headers })),
      untrash: id => call(messages.untrash({ userId: 'me', id }, { headers }))
    }
  }
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

function defined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>
}

interface GoogleFailure {
  status?: number
  cause?: unknown
  response?: { headers?: Headers; data?: unknown }
}

const rateReasons = /rateLimitExceeded|userRateLimitExceeded|dailyLimitExceeded|quotaExceeded/

/** Gmail's errors in ours: https://developers.google.com/workspace/gmail/api/guides/handle-errors */
function translate(error: unknown, nowMs: number): Error {
  if (error instanceof GuichetError) return error
  const { status, response, cause } = error as GoogleFailure
  // The bounded fetch's own error, wrapped by googleapis; its config holds the token and must not travel on.
  if (cause instanceof GuichetError) return cause
  if (!status) return new GuichetError('google_unavailable', { cause: new Error((error as Error).name) })
  const told = JSON.stringify(response?.data ?? '')
  // Gmail's limits per user say it in their message alone.
  const [, until] = /Retry after (\d{4}-\d\d-\d\dT[\d:.]{8,12}Z)/i.exec(told) ?? []
  const wait = retryAfterSeconds(response?.headers?.get?.('retry-after') ?? until, nowMs)
  if (status === 401) return new AccessTokenRefused()
  if (status === 429 || (status === 403 && rateReasons.test(told)))
    return new GuichetError('google_rate_limited', { retryAfterSeconds: wait ?? 10 })
  if (status === 403 && /insufficientPermissions|insufficientScopes|ACCESS_TOKEN_SCOPE_INSUFFICIENT/.test(told))
    return new GuichetError('missing_scopes')
  if (status === 403) return new GuichetError('forbidden', { detail: 'Google does not allow this for this account.' })
  if (status === 404) return new GuichetError('not_found')
  if (status === 400) return new GuichetError('invalid_request', { detail: 'Gmail refused the request as invalid.' })
  if (status >= 500) return new GuichetError('google_unavailable', { retryAfterSeconds: wait ?? 5 })
  return new GuichetError('google_invalid_response')
}
