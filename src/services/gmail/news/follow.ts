import type { Clock } from '../../../clock.ts'
import { GuichetError } from '../../../errors.ts'
import type { OpenMailbox } from '../mailbox.ts'
import { toWatchEvent } from './events.ts'
import { nextInterval } from './poll-interval.ts'
import { askForPushes, toWatchError } from './pushes.ts'
import type { createSync } from './sync.ts'
import type { Held, Watches } from './watches.ts'

/** Mailboxes read at the same time in one process. */
const atOnce = 8

/**
 * Looks at every mailbox that is due, each by one worker over all replicas, until none is left or `signal` says to stop.
 * A mailbox's error is kept in its watch and does not stop the others.
 */
export function createFollowDue(options: {
  watches: Watches
  openMailbox: OpenMailbox
  sync: ReturnType<typeof createSync>
  /** Where Google sends pushes; without it mailboxes are only polled. */
  topic: string | undefined
  clock: Clock
  listEvents: (held: Held) => Promise<void>
}): (signal: AbortSignal) => Promise<void> {
  const { watches, openMailbox, sync, topic, clock, listEvents } = options

  /** Renews pushes when it is time, and writes an event when they have stopped or are back. */
  async function keepPushes(held: Held): Promise<void> {
    const { watch } = held
    if (topic && (watch.renewAt?.getTime() ?? 0) <= clock.nowMs()) {
      const pushes = await askForPushes(openMailbox(held, { interactive: false }), topic, clock)
      const { expiresAt } = pushes
      const restored = watch.lapsed && expiresAt ? [toWatchEvent('gmail.watch_restored', held, expiresAt, now())] : []
      await watches.write(held, { ...pushes, ...(expiresAt && { lapsed: false }) }, restored)
      if (restored.length > 0) await listEvents(held)
    }
    if (watch.expiresAt && !watch.lapsed && watch.expiresAt.getTime() <= clock.nowMs()) {
      const lapsed = toWatchEvent('gmail.watch_lapsed', held, watch.expiresAt, now())
      await watches.write(held, { lapsed: true }, [lapsed])
      await listEvents(held)
    }
  }
  const now = () => new Date(clock.nowMs())

  async function follow(held: Held, signal: AbortSignal): Promise<void> {
    const { watch } = held
    try {
      await keepPushes(held)
      const startedAt = now()
      const { found, more } = await sync(held, openMailbox(held, { interactive: false }), signal)
      const pushed = watch.expiresAt !== null && !watch.lapsed
      const intervalMs = nextInterval(watch.intervalMs, { found, pushed })
      const synced = more ? {} : { lastSyncedAt: startedAt }
      await watches.release(held, { ...synced, error: null, intervalMs, afterMs: more ? 0 : spread(intervalMs) })
    } catch (error) {
      // Interrupted, not failed.
      if (signal.aborted) return watches.release(held, { afterMs: 0 })
      const waitMs = (error instanceof GuichetError ? (error.details.retryAfterSeconds ?? 0) : 0) * 1000
      const intervalMs = nextInterval(watch.intervalMs, { found: false, pushed: false })
      await watches.release(held, {
        error: toWatchError(error),
        intervalMs,
        afterMs: Math.max(waitMs, spread(intervalMs))
      })
    }
  }

  return async signal => {
    const lanes: Promise<void>[] = []
    const failures: unknown[] = []
    async function followUntilNone(): Promise<void> {
      while (!signal.aborted) {
        const held = await watches.claim()
        if (!held) return
        // If one is due, others may be; if none is, this costs one read.
        addLane()
        await follow(held, signal)
      }
    }
    function addLane(): void {
      if (lanes.length < atOnce) lanes.push(followUntilNone().catch(error => void failures.push(error)))
    }
    addLane()
    // The set grows during the loop.
    for (const lane of lanes) await lane
    if (failures.length > 0) throw failures[0]
  }
}

/** Spreads mailboxes that became due at the same moment. */
function spread(intervalMs: number): number {
  return Math.round(intervalMs * (0.9 + Math.random() * 0.2))
}
