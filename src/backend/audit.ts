import { openSync, writeSync } from 'node:fs'
import { GuichetError } from '../errors.ts'

/** Who was given a token of whom; never the token. */
export interface AuditEntry {
  time: string
  key: string
  user: string | null
  connection: string
  /** `vended`, or the code of the refusal. */
  outcome: string
  requestId: string
}

/**
 * Writes the line before it returns: without it, no token goes out.
 * @throws GuichetError `audit_unavailable` if the sink fails or holds back more than 1 MiB
 */
export type Audit = (entry: AuditEntry) => void

const maxBacklogBytes = 1024 * 1024
const retryMs = 50
const standardOutput = 1

/** An audit trail in that file, or on standard output. */
export function createAudit(file: string | undefined): Audit {
  let fd: number | undefined
  let backlog = Buffer.alloc(0)
  let timer: NodeJS.Timeout | undefined

  /** A full pipe takes no more for now (EAGAIN): what it holds back waits here, in order. */
  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    try {
      fd ??= file === undefined ? standardOutput : openSync(file, 'a', 0o600)
      while (backlog.length > 0) backlog = backlog.subarray(writeSync(fd, backlog))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      timer = setTimeout(retry, retryMs).unref()
    }
  }

  function retry(): void {
    try {
      flush()
    } catch {
      // The next vend tries again, and is refused if it still fails.
    }
  }

  return entry => {
    const line = Buffer.from(`${JSON.stringify({ audit: 'vend', ...entry })}\n`)
    if (backlog.length + line.length > maxBacklogBytes) throw new GuichetError('audit_unavailable')
    const before = backlog
    backlog = Buffer.concat([backlog, line])
    try {
      flush()
    } catch (cause) {
      // The vend is refused, so its line must not follow later.
      backlog = before
      throw new GuichetError('audit_unavailable', { cause })
    }
  }
}
