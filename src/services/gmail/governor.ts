import { GuichetError } from '../../errors.ts'
import { createPause } from './pause.ts'
import type { Share } from './quota.ts'

/** Leave to make one call. The caller releases it. */
export interface Permit {
  /** The call is over. */
  release(): void
}

export interface Ask {
  units: number
  /** Whether somebody waits for the answer: background work leaves room for those. */
  interactive: boolean
  /** Sending has a limit of its own, which may take a day to pass. */
  sends: boolean
  /** Part of a call that holds a slot: it takes no other one. */
  nested?: boolean
  /** A call that cannot begin before this is refused at once. */
  deadlineMs: number
  signal?: AbortSignal | undefined
}

/** One Google account's calls: at most six at once, within the units of account and project, and none during a pause. */
export interface AccountGovernor {
  /**
   * Resolves when the call may begin.
   * @throws GuichetError `google_rate_limited` with the wait, where the deadline is too early; the signal's reason
   */
  enter(ask: Ask): Promise<Permit>
  /** Google refused for its rate, and asked for that wait, if it said one. */
  refused(refusal: { reason: 'concurrency' | 'rate' | 'sending'; waitMs: number | undefined }): void
  succeeded(): void
  /** Units that are left of the account's minute. */
  left(): number
  /** Nothing runs, waits or is paused: it may be forgotten. */
  readonly idle: boolean
}

const maxConcurrent = 6
/** Slots that background work leaves to interactive calls; it always has one. */
const interactiveSlots = 2
const successesPerSlot = 10
/** Share of each budget that background work leaves to interactive calls. */
const interactiveShare = 0.2
const firstPauseMs = 500
const maxPauseMs = 32_000
/** A longer wait for sending is a limit of the day: reading goes on meanwhile. */
const sendingLimitMs = 60_000
/** A pause worth telling the other replicas of. */
const sharedPauseMs = 2_000
/** The longest pause, whatever Google asks for: one call then finds out whether the limit still holds. */
const longestPauseMs = 900_000

interface Waiter extends Ask {
  /** Before this time the budgets have too few units for it. */
  dryUntilMs: number
  resolve(permit: Permit): void
  reject(error: unknown): void
}

export interface GovernorOptions {
  account: Share
  project: Share
  unitsPerUser: number
  unitsPerProject: number
  /** The clock by which all times here are measured. */
  nowMs: () => number
  onWait?: (waitedMs: number) => void
}

/** The calls of one account, one after the other in the order of asking, interactive ones first. */
export function createAccountGovernor(options: GovernorOptions): AccountGovernor {
  const { account, project, unitsPerUser, unitsPerProject, nowMs, onWait } = options
  const reserves = { account: unitsPerUser * interactiveShare, project: unitsPerProject * interactiveShare }
  const waiting: { interactive: Waiter[]; background: Waiter[] } = { interactive: [], background: [] }
  let active = 0
  let limit = maxConcurrent
  let successes = 0
  let failures = 0
  const paused = createPause(nowMs)
  const sendingPaused = createPause(nowMs)
  /** This process's pause that other replicas know about. */
  let sharedUntilMs = 0
  let refilling = false
  let timer: NodeJS.Timeout | undefined

  /** Milliseconds before a call of that kind may begin. */
  function waitOf({ sends, dryUntilMs }: Waiter): number {
    const byOthers = account.pausedUntilMs()
    return Math.max(
      0,
      paused.leftMs(),
      sends ? sendingPaused.leftMs() : 0,
      Math.max(byOthers === sharedUntilMs ? 0 : byOthers, dryUntilMs) - nowMs()
    )
  }
  const listOf = ({ interactive }: Ask) => (interactive ? waiting.interactive : waiting.background)
  const reserveOf = (share: Share, { interactive }: Ask) =>
    interactive ? 0 : share === account ? reserves.account : reserves.project

  function refuse(waiter: Waiter, waitMs: number): void {
    leave(waiter)
    const retryAfterSeconds = Math.ceil(Math.max(waitMs, 1_000) / 1_000)
    waiter.reject(new GuichetError('google_rate_limited', { retryAfterSeconds }))
  }

  function refuseLate(): void {
    for (const waiter of [...waiting.interactive, ...waiting.background]) {
      const waitMs = waitOf(waiter)
      if (nowMs() + waitMs > waiter.deadlineMs) refuse(waiter, waitMs)
    }
  }

  /** The call to begin now. A call that waits for units holds up those behind it, or expensive calls would never run. */
  function next(): Waiter | undefined {
    const isDry = ({ dryUntilMs }: Waiter) => dryUntilMs > nowMs()
    const isReady = (waiter: Waiter) => isDry(waiter) || waitOf(waiter) <= 0
    const nested = [...waiting.interactive, ...waiting.background].find(waiter => waiter.nested && isReady(waiter))
    const first = nested ?? waiting.interactive.find(isReady)
    if (first) return (active < limit || first.nested) && !isDry(first) ? first : undefined
    const room = Math.max(1, limit - interactiveSlots)
    const behind = waiting.background.find(isReady)
    return behind && active < room && !isDry(behind) ? behind : undefined
  }

  /** Takes its units from both budgets, or from neither; returns the budget that has too few. */
  function spend(waiter: Waiter): Share | undefined {
    if (!project.has(waiter.units, reserveOf(project, waiter))) return project
    if (!account.has(waiter.units, reserveOf(account, waiter))) return account
    project.spend(waiter.units)
    account.spend(waiter.units)
    return undefined
  }

  function pump(): void {
    clearTimeout(timer)
    refuseLate()
    for (;;) {
      const waiter = next()
      if (!waiter) break
      const dry = spend(waiter)
      if (dry) {
        if (!refilling) void refill(dry, waiter)
        break
      }
      begin(waiter)
    }
    const all = [...waiting.interactive, ...waiting.background]
    const soonest = Math.min(...all.map(waiter => Math.min(waitOf(waiter) || Infinity, waiter.deadlineMs - nowMs())))
    if (Number.isFinite(soonest)) timer = setTimeout(pump, Math.max(5, soonest)).unref()
  }

  async function refill(dry: Share, waiter: Waiter): Promise<void> {
    refilling = true
    try {
      const waitMs = await dry.refill(waiter.units, reserveOf(dry, waiter))
      if (waitMs > 0) waiter.dryUntilMs = nowMs() + waitMs
    } catch (error) {
      leave(waiter)
      waiter.reject(error)
    } finally {
      refilling = false
      pump()
    }
  }

  function leave(waiter: Waiter): void {
    const list = listOf(waiter)
    const at = list.indexOf(waiter)
    if (at >= 0) list.splice(at, 1)
  }

  /** How long it will wait for units, behind the calls already waiting: too long a wait is refused at once. */
  function foreseen(waiter: Waiter): number {
    const ahead = waiter.interactive ? waiting.interactive : [...waiting.interactive, ...waiting.background]
    const units = ahead.reduce((total, other) => total + other.units, waiter.units)
    return Math.max(...[account, project].map(share => share.foresee(units, reserveOf(share, waiter))))
  }

  function begin(waiter: Waiter): void {
    leave(waiter)
    if (!waiter.nested) active += 1
    let released = waiter.nested === true
    waiter.resolve({
      release() {
        if (released) return
        released = true
        active -= 1
        pump()
      }
    })
  }

  return {
    async enter(ask) {
      ask.signal?.throwIfAborted()
      const askedAtMs = performance.now()
      const { promise, resolve, reject } = Promise.withResolvers<Permit>()
      const waiter: Waiter = { ...ask, dryUntilMs: 0, resolve, reject }
      const abort = () => {
        leave(waiter)
        reject(ask.signal?.reason)
      }
      ask.signal?.addEventListener('abort', abort, { once: true })
      const waitMs = foreseen(waiter)
      listOf(ask).push(waiter)
      if (nowMs() + waitMs > ask.deadlineMs) refuse(waiter, waitMs)
      else pump()
      try {
        return await promise
      } finally {
        ask.signal?.removeEventListener('abort', abort)
        onWait?.(performance.now() - askedAtMs)
      }
    },

    refused({ reason, waitMs }) {
      successes = 0
      if (reason === 'concurrency') limit = Math.max(1, Math.floor(limit / 2))
      // Half of it is random, so that replicas do not retry at the same moment.
      const backOffMs = Math.min(maxPauseMs, firstPauseMs * 2 ** failures) * (0.5 + Math.random() / 2)
      const pauseMs = Math.min(waitMs ?? backOffMs, longestPauseMs)
      failures += 1
      if (reason === 'sending' && pauseMs > sendingLimitMs) return sendingPaused.extend(pauseMs)
      paused.extend(pauseMs)
      if (pauseMs < sharedPauseMs) return
      sharedUntilMs = Math.round(nowMs() + pauseMs)
      // Without it the other replicas meet the same refusal by themselves.
      account.pause(sharedUntilMs).catch(() => {})
    },

    succeeded() {
      failures = 0
      successes += 1
      if (limit < maxConcurrent && successes >= successesPerSlot) {
        limit += 1
        successes = 0
      }
    },

    left: account.left,
    get idle() {
      const isUsed = active > 0 || refilling || waiting.interactive.length + waiting.background.length > 0
      return !isUsed && Math.max(paused.leftMs(), sendingPaused.leftMs()) <= 0
    }
  }
}
