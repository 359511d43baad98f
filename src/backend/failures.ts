import type { Clock } from '../clock.ts'
import { GuichetError } from '../errors.ts'
import { createRecentlyUsed } from '../recently-used.ts'

export interface FailureLimit {
  /**
   * Counts an attempt of that address as failed until it is `forgiven`, so that attempts at the same moment count too.
   * @throws GuichetError `rate_limited` once too many of them failed
   */
  begin(address: string): { forgiven(): void }
}

const windowMs = 60_000
const addressesKept = 25_000

/** Failed attempts by address and process, `max` a minute; the addresses least recently seen are forgotten first. */
export function createFailureLimit({ clock, max }: { clock: Clock; max: number }): FailureLimit {
  const counts = createRecentlyUsed<string, { failed: number; startedAtMs: number }>(addressesKept)
  return {
    begin(address) {
      const nowMs = clock.nowMs()
      const known = counts.get(address)
      const runs = known && nowMs - known.startedAtMs < windowMs
      const count = runs ? known : { failed: 0, startedAtMs: nowMs }
      if (!runs) counts.set(address, count)
      if (count.failed >= max)
        throw new GuichetError('rate_limited', { retryAfterSeconds: (count.startedAtMs + windowMs - nowMs) / 1000 })
      count.failed += 1
      return {
        forgiven: () => {
          count.failed -= 1
        }
      }
    }
  }
}
