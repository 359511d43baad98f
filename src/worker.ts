/** Work that no request waits for: it is tried again until it is done, here or at another replica. */
export interface Worker {
  add(name: string, task: () => Promise<void>): void
  /** Runs all tasks once, now; resolves when they have ended, whatever came of them. */
  run(): Promise<void>
  /** Runs them in a moment, for there is something to do. */
  soon(): void
  start(): void
  stop(): Promise<void>
}

/** `onError` hears of each task that failed; the next round tries it again. */
export function createWorker(options: { intervalMs: number; onError: (name: string, error: unknown) => void }): Worker {
  const { intervalMs, onError } = options
  const tasks = new Map<string, () => Promise<void>>()
  let running: Promise<void> | undefined
  let again = false
  let timer: NodeJS.Timeout | undefined
  let started = false

  async function runAll(): Promise<void> {
    do {
      again = false
      for (const [name, task] of tasks) await task().catch(error => onError(name, error))
    } while (again)
  }

  function run(): Promise<void> {
    // What came up while a round runs may be past it: one more follows.
    if (running) again = true
    running ??= runAll().finally(() => {
      running = undefined
    })
    return running
  }

  return {
    add: (name, task) => void tasks.set(name, task),
    run,
    soon() {
      if (started) setImmediate(() => started && void run())
    },
    start() {
      started = true
      timer = setInterval(() => void run(), intervalMs).unref()
    },
    async stop() {
      started = false
      clearInterval(timer)
      await running
    }
  }
}
