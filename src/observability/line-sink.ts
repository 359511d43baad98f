import { constants, openSync, writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Whole lines, in order, into a file or a pipe. It never waits for its reader: what a full pipe holds back waits here. The
 * lines of one turn of the event loop are one call of the system.
 */
export interface LineSink {
  /** Leaves the line for the end of this turn; what cannot be written then is lost. */
  write(line: string): void
  /**
   * Resolves once the line is written, or waits here for a pipe that is full.
   * @throws (rejects) if the sink fails or holds back more than 1 MiB; the line is then not written later either
   */
  commit(line: string): Promise<void>
  /** Opens it now, and not with the first line. @throws if it cannot be opened */
  open(): void
}

const sinks: { isEmpty(): boolean; retry(): void }[] = []

/** Resolves once every sink is empty, or after that time in ms. */
export async function allWritten(patienceMs = Infinity): Promise<void> {
  const deadlineMs = performance.now() + patienceMs
  for (;;) {
    const held = sinks.filter(sink => !sink.isEmpty())
    if (held.length === 0 || performance.now() > deadlineMs) return
    for (const { retry } of held) retry()
    await delay(retryMs)
  }
}

const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants
const maxBacklogBytes = 1024 * 1024
/** What one call of the system is given at most: a pipe takes no more, and all that waits need not be copied each time. */
const batchBytes = 64 * 1024
const retryMs = 50
const lineEnd = Buffer.from('\n')

/** A line that is not written whole yet. Once it has been promised it stays, whatever happens. */
interface Waiting {
  rest: Buffer
  isCut: boolean
  isPromised: boolean
  settle: ((error?: Error) => void) | undefined
}

/** A sink into that file, or into standard output. */
export function createLineSink(target: string | 1): LineSink {
  let fd: number | undefined
  let queue: Waiting[] = []
  let queuedBytes = 0
  let isScheduled = false
  let timer: NodeJS.Timeout | undefined

  // Writing into a full pipe that blocks would stop the whole process until somebody reads.
  function opened(): number {
    if (target !== 1) return openSync(target, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o600)
    // Asking for it makes a pipe or socket non-blocking.
    void process.stdout
    return target
  }

  /** Takes what was written off the queue. */
  function advance(written: number): void {
    queuedBytes -= written
    let done = 0
    let left = written
    for (const waiting of queue) {
      if (left < waiting.rest.length) {
        if (left > 0) waiting.isCut = true
        waiting.rest = waiting.rest.subarray(left)
        break
      }
      left -= waiting.rest.length
      done++
      waiting.settle?.()
    }
    queue = queue.slice(done)
  }

  /** Lines that were promised earlier come first: the queue keeps its order. */
  function keepAll(): void {
    for (const waiting of queue.slice(queue.findLastIndex(({ isPromised }) => isPromised) + 1)) {
      waiting.isPromised = true
      waiting.settle?.()
      waiting.settle = undefined
    }
  }

  /** Lines that were not promised must not be written later; a line that was cut short is ended, so that the next one starts on a new line. */
  function refuseRest(error: Error): void {
    const kept: Waiting[] = []
    for (const waiting of queue) {
      if (waiting.isPromised) kept.push(waiting)
      else if (waiting.isCut) kept.push({ rest: lineEnd, isCut: false, isPromised: true, settle: undefined })
      waiting.settle?.(error)
      waiting.settle = undefined
    }
    queue = kept
    queuedBytes = kept.reduce((bytes, { rest }) => bytes + rest.length, 0)
  }

  function batch(): Buffer {
    const lines: Buffer[] = []
    let bytes = 0
    for (const { rest } of queue) {
      lines.push(rest)
      bytes += rest.length
      if (bytes >= batchBytes) break
    }
    return Buffer.concat(lines, bytes)
  }

  function flush(): void {
    isScheduled = false
    clearTimeout(timer)
    timer = undefined
    try {
      fd ??= opened()
      while (queue.length > 0) advance(writeSync(fd, batch()))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
        keepAll()
        timer = setTimeout(flush, retryMs).unref()
      } else refuseRest(error as Error)
    }
  }

  function enqueue(text: string, settle?: (error?: Error) => void): void {
    const line = Buffer.from(text)
    const isTooMuch = () => queuedBytes + line.length > maxBacklogBytes
    if (isTooMuch()) flush()
    if (isTooMuch()) {
      settle?.(new Error('the sink holds back too much'))
      return
    }
    queue.push({ rest: line, isCut: false, isPromised: false, settle })
    queuedBytes += line.length
    if (isScheduled) return
    isScheduled = true
    setImmediate(flush)
  }

  sinks.push({ isEmpty: () => queue.length === 0, retry: flush })
  return {
    open() {
      fd ??= opened()
    },
    write: line => enqueue(line),
    commit: line =>
      new Promise((resolve, reject) => {
        enqueue(line, error => (error ? reject(error) : resolve()))
      })
  }
}

/** One for log and audit trail, so that neither writes into the other's lines. */
export const standardOutput = createLineSink(1)
