import type { Clock } from '../clock.ts'

export interface DatabaseClock extends Clock {
  /** Compares the clocks again; rejects if the database does not answer, and leaves the last offset. */
  sync(): Promise<void>
}

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
      offsetMs = Math.round(there.getTime() - (before + after) / 2)
    }
  }
}
