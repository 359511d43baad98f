import { constants, openSync, writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Whole lines, in order, into a file or a pipe. It never waits for its reader: what a full pipe holds back waits here. */
export interface LineSink {
  /** @throws if the sink fails or holds back more than 1 MiB; the line is then not written later either */
  write(line: string): void
  /** Opens it now, and not with the first line. @throws if it cannot be opened */
  open(): void
}

const sinks: { isEmpty(): boolean; retry(): void }[] = []

/** Resolves once no sink holds anything back. */
export async function allWritten(): Promise<void> {
  for (;;) {
    const held = sinks.filter(sink => !sink.isEmpty())
    if (held.length === 0) return
    for (const { retry } of held) retry()
    await delay(retryMs)
  }
}

const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants
const maxBacklogBytes = 1024 * 1024
const retryMs = 50
const lineEnd = Buffer.from('\n')

/** A sink into that file, or one that is open already. */
export function createLineSink(target: string | number): LineSink {
  let fd = typeof target === 'number' ? target : undefined
  const backlog: Buffer[] = []
  let backlogBytes = 0
  let timer: NodeJS.Timeout | undefined

  // Without O_NONBLOCK a named pipe would stop the whole process until somebody reads.
  const opened = () => openSync(target as string, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o600)

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    try {
      fd ??= opened()
      for (let [first] = backlog; first; [first] = backlog) {
        const written = writeSync(fd, first)
        backlogBytes -= written
        if (written < first.length) backlog[0] = first.subarray(written)
        else backlog.shift()
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      timer = setTimeout(retry, retryMs).unref()
    }
  }

  function retry(): void {
    try {
      flush()
    } catch {
      // The next line tries again, and is refused if it still fails.
    }
  }

  sinks.push({ isEmpty: () => backlog.length === 0, retry })
  return {
    open() {
      fd ??= opened()
    },

    write(text) {
      const line = Buffer.from(text)
      const isTooMuch = () => backlogBytes + line.length > maxBacklogBytes
      if (isTooMuch()) retry()
      if (isTooMuch()) throw new Error('the sink holds back too much')
      backlog.push(line)
      backlogBytes += line.length
      try {
        flush()
      } catch (error) {
        // Refused, it must not follow later; one that was cut short is ended, so that the next starts a line of its own.
        const rest = backlog.pop()
        backlogBytes -= rest?.length ?? 0
        if (rest !== line) {
          backlog.push(lineEnd)
          backlogBytes += lineEnd.length
        }
        throw error
      }
    }
  }
}

/** One for log and audit trail, so that neither writes into the other's lines. */
export const standardOutput = createLineSink(1)
