import type { ObjectId } from 'mongodb'
import type { EventList } from '../../../events/event-list.ts'

/** Rings for a connection when something about it joins the list of events, whichever replica wrote it. */
export interface Bell {
  /**
   * Resolves at the next ring for that connection, when the time is over, or when `signal` aborts. A reader takes it before
   * it reads the list, so that nothing joins unheard in between.
   */
  next(connectionId: ObjectId, options: { withinMs: number; signal: AbortSignal }): Promise<void>
  close(): void
}

const atOnce = 500
/** How many polls continue without a waiting reader: one that was just woken will come back. */
const idleLooks = 20

/** One reader of the list for all that wait in this process; it reads only while somebody does. */
export function createBell(options: {
  events: EventList
  intervalMs: number
  onError: (error: unknown) => void
}): Bell {
  const { events, intervalMs, onError } = options
  const waiting = new Map<string, Set<() => void>>()
  let timer: NodeJS.Timeout | undefined
  let heardUpTo: number | undefined
  let closed = false
  let idle = 0

  function ring(id: string): void {
    for (const wake of waiting.get(id) ?? []) wake()
  }

  async function look(): Promise<void> {
    // After a restart it cannot know what it missed: every reader reads once.
    if (heardUpTo === undefined) {
      heardUpTo = await events.last()
      for (const id of waiting.keys()) ring(id)
    }
    for (;;) {
      const page = await events.after(heardUpTo, atOnce)
      for (const { data } of page) ring(subjectOf(data))
      heardUpTo = page.at(-1)?._id ?? heardUpTo
      if (page.length < atOnce) return
    }
  }

  async function lookAndGoOn(): Promise<void> {
    await look().catch(onError)
    timer = undefined
    idle = waiting.size > 0 ? 0 : idle + 1
    if (idle < idleLooks) start()
    else heardUpTo = undefined
  }

  function start(): void {
    if (!closed) timer ??= setTimeout(() => void lookAndGoOn(), intervalMs).unref()
  }

  return {
    next(connectionId, { withinMs, signal }) {
      const id = connectionId.toHexString()
      const { promise, resolve } = Promise.withResolvers<void>()
      const sleepers = waiting.get(id) ?? new Set()
      waiting.set(id, sleepers)
      const time = setTimeout(wake, Math.max(0, withinMs))
      function wake(): void {
        clearTimeout(time)
        signal.removeEventListener('abort', wake)
        sleepers.delete(wake)
        if (sleepers.size === 0 && waiting.get(id) === sleepers) waiting.delete(id)
        resolve()
      }
      sleepers.add(wake)
      signal.addEventListener('abort', wake)
      if (signal.aborted || closed) wake()
      start()
      return promise
    },
    close() {
      closed = true
      clearTimeout(timer)
      for (const id of waiting.keys()) ring(id)
    }
  }
}

function subjectOf(data: object): string {
  const { connectionId, connection } = data as { connectionId?: string; connection?: { id: string } }
  return connectionId ?? connection?.id ?? ''
}
