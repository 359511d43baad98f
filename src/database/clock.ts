import type { Clock } from '../clock.ts'
import { CodedError } from '../errors.ts'

export interface DatabaseClock extends Clock {
  /**
   * Compares the clocks again; rejects if the database does not answer, or the local clock was set meanwhile, and leaves
   * the last offset.
   */
  sync(): Promise<void>
}

/** Longer than an answer of the database is waited for: the local clock was set meanwhile, or the process was stopped. */
const longestReadMs = 5_000

/**
 * The database's clock, read without asking it each time: the local clock plus an offset that `sync` measures.
 * Leases and expiries are then the same moment for every replica, however wrong its own clock is.
 */
export function createDatabaseClock(local: Clock, readDatabaseTime: () => Promise<Date>): DatabaseClock {
  let offsetMs = 0
  return {
    nowMs: () => local.nowMs() + offsetMs,
    async sync() {
      const before = local.nowMs()
      const there = await readDatabaseTime()
      const after = local.nowMs()
      if (after < before || after > before + longestReadMs) throw new CodedError('clock_was_set')
      offsetMs = Math.round(there.getTime() - (before + after) / 2)
    }
  }
}
