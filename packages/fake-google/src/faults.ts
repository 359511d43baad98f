import type { Endpoint, RecordedRequest } from './http.ts'

/** Before or after the request has had its effect (a code used up, a token rotated). */
type When = { when?: 'before' | 'after' }

export type Fault =
  /** This answer in place of the real one; by default the request has no effect. An object body is sent as JSON. */
  | ({ status: number; body?: unknown; headers?: Record<string, string>; contentType?: string } & When)
  /** No answer until the handle's `release()`, after which the request is handled as usual. Default before. */
  | ({ hang: true } & When)
  /** Resets the connection once the request has been read. Default before. */
  | ({ reset: true } & When)
  /** Resets the connection at the headers, the body unread. */
  | { resetBeforeRead: true }
  /** Leaves the body unread until the handle's `release()`: an upload stands still. Then all goes on. */
  | { hangBeforeRead: true }
  /** The true answer, one byte at a time. */
  | { drip: number }
  /** A body that never ends. */
  | { endless: true }
  /** A JSON body of this many bytes. */
  | { huge: number }
  /** A small gzip body that unpacks to this many bytes. */
  | { gzipBomb: number }
  /** A redirect, by default 302. */
  | { redirectTo: string; redirectStatus?: number }
  /** The true answer, once the promise (one for all requests, or one made for each) is settled. Default after. */
  | ({ delayUntil: Promise<unknown> | (() => Promise<unknown>) } & When)
  /** The true answer with further headers. */
  | { addHeaders: Record<string, string> }
  /** The true answer with its JSON changed. */
  | { mutate: (json: Record<string, unknown>) => unknown }
  /** The true answer's status with this body, or the true body changed as text. */
  | { raw: string | ((body: string) => string) }
  /** The true answer's first bytes, and then a reset. */
  | { cutAt: number }
  /** The true answer, followed on the socket by bytes that belong to no answer. */
  | { trailing: string }

export interface FaultHandle {
  /** How many requests met the fault. */
  readonly hits: number
  /** Releases the requests that hang on it, now and later. */
  release(): void
  /** Removes it for further requests. */
  remove(): void
}

export interface FaultOptions {
  /** Default 1; Infinity until removed. */
  times?: number
  /** Requests it is for; the others pass. Not asked for what comes before the body is read. */
  only?: (request: RecordedRequest) => boolean
}

export interface PlannedFault {
  fault: Fault
  released: Promise<void>
}

export interface Faults {
  plan(endpoint: Endpoint, fault: Fault, options?: number | FaultOptions): FaultHandle
  /** Removes all faults, or an endpoint's, and releases hanging requests. */
  clear(endpoint?: Endpoint): void
  /** The fault a request meets before its body is read. */
  takeAtHeaders(endpoint: Endpoint): PlannedFault | undefined
  takeAfterRead(request: RecordedRequest): PlannedFault | undefined
}

interface Waiting extends PlannedFault {
  endpoint: Endpoint
  left: number
  hits: number
  only: (request: RecordedRequest) => boolean
  release: () => void
}

/** Faults of one endpoint are met in the order in which they were planned. */
export function createFaults(): Faults {
  let waiting: Waiting[] = []
  const everPlanned: Waiting[] = []

  function take(planned: Waiting | undefined): PlannedFault | undefined {
    if (!planned) return undefined
    planned.left -= 1
    planned.hits += 1
    if (planned.left <= 0) waiting = waiting.filter(other => other !== planned)
    return planned
  }

  return {
    plan(endpoint, fault, options = 1) {
      const { times = 1, only = () => true } = typeof options === 'number' ? { times: options } : options
      // A rejection releases too, and may come before any request.
      if ('delayUntil' in fault && typeof fault.delayUntil !== 'function') fault.delayUntil.catch(() => undefined)
      const { promise: released, resolve } = Promise.withResolvers<void>()
      const planned: Waiting = { endpoint, fault, only, left: times, hits: 0, released, release: () => resolve() }
      waiting.push(planned)
      everPlanned.push(planned)
      return {
        get hits() {
          return planned.hits
        },
        release: planned.release,
        remove: () => {
          waiting = waiting.filter(other => other !== planned)
        }
      }
    },
    clear(endpoint) {
      const isMeant = (planned: Waiting) => endpoint === undefined || planned.endpoint === endpoint
      waiting = waiting.filter(planned => !isMeant(planned))
      for (const planned of everPlanned.filter(isMeant)) planned.release()
    },
    takeAtHeaders(endpoint) {
      const first = waiting.find(planned => planned.endpoint === endpoint)
      return first && isBeforeRead(first.fault) ? take(first) : undefined
    },
    takeAfterRead: request =>
      take(
        waiting.find(planned => {
          return planned.endpoint === request.endpoint && !isBeforeRead(planned.fault) && planned.only(request)
        })
      )
  }
}

function isBeforeRead(fault: Fault): boolean {
  return 'resetBeforeRead' in fault || 'hangBeforeRead' in fault
}
