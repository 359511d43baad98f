import { setTimeout as delay } from 'node:timers/promises'

/** A piece of work; it stops soon after `signal` says so, and leaves the rest to the next round. */
export type Task = (signal: AbortSignal) => Promise<void>

/** Work that no request waits for: it is tried again until it is done, here or at another replica. */
export interface Worker {
  add(name: string, task: Task): void
  /** Runs all tasks once, now; resolves when they have ended, failed or not. */
  run(): Promise<void>
  /** Runs that one in a moment, for it has something to do, or all of them: they cost a dozen commands to the database. */
  soon(name?: string): void
  /** From now on by itself, unless it was stopped before. */
  start(): void
  stop(): Promise<void>
}

/** `onError` hears of each task that failed; the next round tries it again. Tasks do not wait for each other. */
/** Between two rounds of one task that has more to do: under load a round then serves many requests at once. */
const pauseMs = 25

export function createWorker(options: { intervalMs: number; onError: (name: string, error: unknown) => void }): Worker {
  const { intervalMs, onError } = options
  const tasks = new Map<string, () => Promise<void>>()
  const underWay = new Set<Promise<void>>()
  const stopped = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let started = false

  /** Never twice at a time. */
  function repeatable(name: string, task: Task): () => Promise<void> {
    let running: Promise<void> | undefined
    let again = false
    async function rounds(): Promise<void> {
      do {
        again = false
        await task(stopped.signal).catch(error => onError(name, error))
        if (again) await delay(pauseMs, undefined, { signal: stopped.signal, ref: false }).catch(() => {})
      } while (again && !stopped.signal.aborted)
    }
    return () => {
      // Work that arrived during a round may have been missed: one more round follows.
      if (running) again = true
      if (!running) {
        const begun = rounds().finally(() => {
          running = undefined
          underWay.delete(begun)
        })
        running = begun
        underWay.add(begun)
      }
      return running
    }
  }

  async function run(): Promise<void> {
    await Promise.all([...tasks.values()].map(round => round()))
  }

  return {
    add: (name, task) => void tasks.set(name, repeatable(name, task)),
    run,
    soon(name) {
      if (started) setImmediate(() => started && void (name === undefined ? run() : tasks.get(name)?.()))
    },
    start() {
      if (stopped.signal.aborted) return
      started = true
      timer = setInterval(() => void run(), intervalMs).unref()
    },
    async stop() {
      started = false
      clearInterval(timer)
      stopped.abort()
      await Promise.all(underWay)
    }
  }
}
