import { isDatabaseUnavailable } from './errors.ts'

/**
 * Does `work` for one record after the other; one that fails does not stop the others. Throws the first failure once all were
 * tried; if the database cannot be reached, it throws at once, because every other record would fail too.
 */
export async function inTurn<R>(
  records: Iterable<R>,
  work: (record: R) => Promise<unknown>,
  signal?: AbortSignal
): Promise<void> {
  const failures: unknown[] = []
  for (const record of records) {
    if (signal?.aborted) return
    try {
      await work(record)
    } catch (error) {
      if (isDatabaseUnavailable(error)) throw error
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}

const longestPauseMs = 3_600_000

/** When to look again at what has waited since then: after as long a pause as that was, an hour at most. */
export function nextLook(since: Date, nowMs: number, leastPauseMs: number): Date {
  const waitedMs = nowMs - since.getTime()
  return new Date(nowMs + Math.min(Math.max(waitedMs, leastPauseMs), longestPauseMs))
}
