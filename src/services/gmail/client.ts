import { setTimeout as delay } from 'node:timers/promises'
import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import { GuichetError, hasCode } from '../../errors.ts'
import { type ApiBytes, createApiClient } from '../../google/api-client.ts'
import { requireResource } from '../../google/resource.ts'
import { lazily } from '../../lazily.ts'
import type { Access } from '../access.ts'
import { costs, type GmailMethod, onlyReads, silent } from './costs.ts'
import { ProjectRefused, refusalOf, translate } from './google-error.ts'
import type { AccountGovernor } from './governor.ts'
import type { GmailMetrics } from './metrics.ts'
import { withQuickReads } from './quick-reads.ts'

/** What googleapis takes beside a method's parameters: handed through, as it carries token, bounds and signal. */
export type MethodOptions = Pick<
  gmail_v1.Options,
  'headers' | 'auth' | 'responseType' | 'signal' | 'timeout' | 'rootUrl'
>
export type Users = gmail_v1.Resource$Users
type Send<T> = (users: Users, options: MethodOptions) => Promise<{ data: T }>

export interface CallOptions {
  /** May be sent again after a lost answer. Default: whether the method only reads. */
  repeatable?: boolean
  /** Its body can be read only once: after a refusal the caller has to repeat the call, whatever the method. */
  once?: boolean
  /** The answer's body as it arrives: for attachments, raw mail and answers that may be large. */
  stream?: boolean
  /** The call carries a mail that is streamed to Google: it may take minutes. */
  upload?: boolean
  /** Part of another call of this request, which holds a slot. It takes no slot itself, or the two could wait for each other. */
  nested?: boolean
  signal?: AbortSignal
}

/**
 * One place through which every call to Gmail goes: units and pauses, token, one refresh after a 401, what may be asked
 * again, and Google's errors in ours. It throws a GuichetError: `google_rate_limited`, `missing_scopes`, `forbidden`,
 * `not_found`, `invalid_request`, `needs_reconnect`, `mailbox_unavailable`, `google_misconfigured`, `google_unavailable`,
 * `google_invalid_response`; `refusalOf` tells what Gmail answered.
 */
export interface Gmail {
  call(method: GmailMethod, send: Send<unknown>, options: CallOptions & { stream: true }): Promise<ApiBytes>
  call<T>(method: GmailMethod, send: Send<T>, options?: CallOptions): Promise<T>
  /** Units that its calls have cost so far. */
  readonly spent: number
  /** Units that are left of the account's minute. */
  readonly left: number
}

export interface GmailUser {
  access: Access
  governor: AccountGovernor
  /** Whether somebody waits for the answer: background work leaves room for those. */
  interactive: boolean
}

/** A message may hold 35 MB of attachments, in base64. */
const maxAnswerBytes = 64 * 1024 * 1024
/** 35 MB at 2 Mbit/s. */
const uploadTimeoutMs = 150_000
/** The longest that a call waits for its turn, however long its request may take. */
const longestWaitMs = 14_000
/** The longest that a stalled reader keeps its slot. */
const streamSlotMs = 10_000
/** Retries of a repeatable call when Google is in trouble and sends no Retry-After. */
const maxAttempts = 2
const outageMs = 200

/** Only Gmail is loaded of googleapis: the whole package costs over a second and 100 MB. */
const googleapis = lazily<typeof import('googleapis/build/src/apis/gmail/v1.js')>(
  'googleapis/build/src/apis/gmail/v1.js'
)

export function createGmailClient(options: {
  /** Root of Google's APIs; default Google's own. */
  apiUrl: string | undefined
  timeoutMs: number
  nowMs: () => number
  metrics: GmailMetrics
  /** Called when Google refuses this server's project: for log and alert. */
  onProjectRefused: (refusal: ProjectRefused) => void
}): (user: GmailUser) => Gmail {
  const { apiUrl, timeoutMs, nowMs, metrics, onProjectRefused } = options
  const bounds = { timeoutMs, maxBytes: maxAnswerBytes }
  const client = createApiClient(bounds)
  let opened: Users | undefined
  function openUsers(): Users {
    const { gmail_v1 } = googleapis()
    opened ??= withQuickReads(
      new gmail_v1.Gmail({
        ...(apiUrl && { rootUrl: apiUrl }),
        // Else an environment variable could send the tokens to another host.
        universeDomain: 'googleapis.com',
        // This client decides what may be repeated.
        retry: false,
        auth: client as never
      }).users,
      client,
      apiUrl
    )
    return opened
  }
  const streaming = { responseType: 'stream' as const }
  const uploading = {
    auth: createApiClient({ ...bounds, timeoutMs: uploadTimeoutMs }) as never,
    // googleapis takes an upload's host only from here.
    ...(apiUrl && { rootUrl: apiUrl })
  }

  return ({ access, governor, interactive }) => {
    let spent = 0

    async function attempt(
      method: GmailMethod,
      send: Send<unknown>,
      { stream, upload, signal }: CallOptions,
      { token, leftMs }: { token: string; leftMs: number }
    ) {
      try {
        const { data } = await send(openUsers(), {
          headers: { authorization: `Bearer ${token}` },
          timeout: leftMs,
          ...(stream && streaming),
          ...(upload && uploading),
          ...(signal && { signal })
        })
        if (!stream && !silent.has(method)) requireResource(data)
        return data
      } catch (error) {
        throw translate(error, nowMs())
      }
    }

    /** Waits for its turn, then calls. A stream keeps its slot until its end, or for a while when its reader is slow. */
    async function inTurn(method: GmailMethod, send: Send<unknown>, options: CallOptions) {
      const token = await access.token()
      const untilMs = Math.min(access.lastStartMs, nowMs() + longestWaitMs)
      const ask = {
        units: costs[method],
        interactive,
        sends: isSend(method),
        nested: options.nested ?? false,
        deadlineMs: untilMs
      }
      const permit = await governor.enter({ ...ask, signal: options.signal })
      let isStreaming = false
      spent += costs[method]
      metrics.units.inc({ method }, costs[method])
      try {
        const data = await access.call(token, (token, leftMs) => attempt(method, send, options, { token, leftMs }))
        governor.succeeded()
        if (!options.stream) return data
        isStreaming = true
        return released(data as ApiBytes, permit.release)
      } catch (error) {
        const refusal = refusalOf(error)
        if (refusal?.rate) governor.refused({ reason: refusal.rate, waitMs: refusal.waitMs })
        if (refusal?.rate || refusal instanceof ProjectRefused) metrics.refusals.inc({ reason: refusal.reason })
        if (refusal instanceof ProjectRefused) onProjectRefused(refusal)
        throw error
      } finally {
        if (!isStreaming) permit.release()
      }
    }

    async function call(method: GmailMethod, send: Send<unknown>, options: CallOptions = {}): Promise<unknown> {
      const { repeatable = onlyReads(method), once = false } = options
      let refused: unknown
      for (let attempts = 1; ; attempts++) {
        try {
          const data = await inTurn(method, send, options)
          metrics.calls.inc({ method, outcome: 'ok' })
          return data
        } catch (error) {
          metrics.calls.inc({ method, outcome: error instanceof GuichetError ? error.code : 'internal' })
          // Google's own refusal says more than that the wait would outlast the request.
          if (hasCode(error, 'google_rate_limited') && !refusalOf(error)) throw refused ?? error
          if (!mayRepeat(error)) throw error
          refused = error
          if (!refusalOf(error)?.rate) await delay(outageMs * (0.5 + Math.random()))
        }

        function mayRepeat(error: unknown): boolean {
          const refusal = refusalOf(error)
          // Google refused before it acted. A send is repeated by the caller: its limit may last for hours.
          if (refusal?.rate) return !isSend(method) && !once
          const isOutage = refusal !== undefined && refusal.status >= 500 && refusal.waitMs === undefined
          return isOutage && repeatable && attempts < maxAttempts
        }
      }
    }
    return {
      call,
      get spent() {
        return spent
      },
      get left() {
        return governor.left()
      }
    } as Gmail
  }
}

function isSend(method: GmailMethod): boolean {
  return method === 'messages.send' || method === 'drafts.send'
}

function released(body: ApiBytes, release: () => void): ApiBytes {
  const timer = setTimeout(release, streamSlotMs).unref()
  function end(): void {
    clearTimeout(timer)
    release()
  }
  async function* read() {
    try {
      yield* body
    } finally {
      end()
    }
  }
  return Object.assign(read(), {
    async whole() {
      const bytes = await body.whole()
      if (bytes) end()
      return bytes
    }
  })
}
