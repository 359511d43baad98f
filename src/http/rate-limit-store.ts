import type { Clock } from '../clock.ts'
import { createRecentlyUsed } from '../recently-used.ts'

interface Count {
  current: number
  startedAtMs: number
}

export interface RateLimitStore {
  /** Counts one more of that key in its window. */
  incr(
    key: string,
    done: (error: Error | null, count: { current: number; ttl: number }) => void,
    windowMs: number
  ): void
  child(): RateLimitStore
}

const keysKept = 25_000

/**
 * What @fastify/rate-limit counts in. Its own store is another one for every route: a caller who spreads over them would
 * have the limit of each. This one is shared by all, so that the key alone says what is counted together.
 */
export function createRateLimitStore(clock: Clock): RateLimitStore {
  const counts = createRecentlyUsed<string, Count>(keysKept)
  const store: RateLimitStore = {
    incr(key, done, windowMs) {
      const nowMs = clock.nowMs()
      const known = counts.get(key)
      const runs = known && nowMs - known.startedAtMs < windowMs
      const count = runs ? known : { current: 0, startedAtMs: nowMs }
      count.current += 1
      if (!runs) counts.set(key, count)
      done(null, { current: count.current, ttl: windowMs - (nowMs - count.startedAtMs) })
    },
    child: () => store
  }
  return store
}
