import { GmailError } from '../gmail-errors.ts'

/** One call that a user's token made, refused ones included. */
export interface GmailCall {
  /** As in Google's reference: `messages.get`. */
  method: string
  account: string
  units: number
  atMs: number
  /** The reason of the refusal by quota or concurrency; such a call costs nothing. */
  refused?: 'userRateLimitExceeded' | 'rateLimitExceeded' | 'tooManyRequests'
  /** How many of this account's calls were open then, this one included. */
  openCalls: number
}

export interface Limits {
  /** Units in a sliding minute. */
  unitsPerUser: number
  unitsPerProject: number
  /** Calls of one user open at once. */
  openCallsPerUser: number
}

/** Google's quota for projects since May 2026; of open calls 25 are known to pass, and 100 not to. */
const DEFAULT_LIMITS: Limits = { unitsPerUser: 6000, unitsPerProject: 1_200_000, openCallsPerUser: 25 }

export interface Usage {
  readonly calls: readonly GmailCall[]
  /** May be changed at any time. */
  readonly limits: Limits
  /** The highest number of calls of one account that were open at once. */
  mostOpenCalls(account?: string): number
  /** Spent in the minute before now, by one account or by all. */
  unitsInLastMinute(account?: string): number
  /** The highest number of units in any minute. */
  mostUnitsInAMinute(account?: string): number
  count(method: string, account?: string): number
}

export interface Meter extends Usage {
  open(account: string): () => void
  /** Counts a call; throws what Google throws past a limit. */
  spend(account: string, method: string, units: number): void
}

const MINUTE_MS = 60_000

interface Window {
  calls: GmailCall[]
  /** The first of them that is less than a minute old. */
  start: number
  units: number
}

export function createMeter({ nowMs }: { nowMs: () => number }): Meter {
  const calls: GmailCall[] = []
  const limits = { ...DEFAULT_LIMITS }
  const openNow = new Map<string, number>()
  const mostOpen = new Map<string, number>()

  const paid = (account?: string) =>
    calls.filter(call => call.refused === undefined && (account === undefined || call.account === account))

  const windows = new Map<string, Window>()

  /** The paid calls of the minute before now, of one account or, as '', of all. */
  function windowOf(account = ''): Window {
    const window = windows.get(account) ?? { calls: [], start: 0, units: 0 }
    windows.set(account, window)
    const since = nowMs() - MINUTE_MS
    for (let oldest = window.calls[window.start]; oldest && oldest.atMs <= since; oldest = window.calls[window.start]) {
      window.units -= oldest.units
      window.start += 1
    }
    return window
  }

  /** When so many units are free again. */
  function freeAtMs({ calls: paidCalls, start }: Window, excess: number): number {
    let freed = 0
    for (const call of paidCalls.slice(start)) {
      freed += call.units
      if (freed >= excess) return call.atMs + MINUTE_MS
    }
    return nowMs() + MINUTE_MS
  }

  function spend(account: string, method: string, units: number): void {
    const openCalls = openNow.get(account) ?? 0
    const call: GmailCall = { method, account, units, atMs: nowMs(), openCalls }
    const refuse = (refused: NonNullable<GmailCall['refused']>, message?: string): never => {
      calls.push({ ...call, refused })
      throw new GmailError(refused, message)
    }
    if (openCalls > limits.openCallsPerUser) refuse('tooManyRequests')
    const own = windowOf(account)
    const ownExcess = own.units + units - limits.unitsPerUser
    if (ownExcess > 0) {
      const until = new Date(freeAtMs(own, ownExcess)).toISOString()
      refuse('userRateLimitExceeded', `User-rate limit exceeded.  Retry after ${until}`)
    }
    const all = windowOf()
    if (all.units + units > limits.unitsPerProject) {
      refuse(
        'rateLimitExceeded',
        "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service 'gmail.googleapis.com'"
      )
    }
    calls.push(call)
    for (const window of [own, all]) {
      window.calls.push(call)
      window.units += units
    }
  }

  return {
    calls,
    limits,
    mostOpenCalls: account =>
      account === undefined ? Math.max(0, ...mostOpen.values()) : (mostOpen.get(account) ?? 0),
    unitsInLastMinute: account => windowOf(account).units,
    mostUnitsInAMinute(account) {
      const list = paid(account)
      let [most, current, start] = [0, 0, 0]
      for (const call of list) {
        current += call.units
        for (let oldest = list[start]; oldest && oldest.atMs <= call.atMs - MINUTE_MS; oldest = list[++start])
          current -= oldest.units
        most = Math.max(most, current)
      }
      return most
    },
    count: (method, account) => paid(account).filter(call => call.method === method).length,
    open(account) {
      const open = (openNow.get(account) ?? 0) + 1
      openNow.set(account, open)
      mostOpen.set(account, Math.max(open, mostOpen.get(account) ?? 0))
      return () => openNow.set(account, (openNow.get(account) ?? 1) - 1)
    },
    spend
  }
}
