import { ConfigError } from '../config/config-error.ts'
import { GuichetError } from '../errors.ts'
import { createLineSink, standardOutput } from '../observability/line-sink.ts'
import { safeCodeOf } from '../observability/log.ts'

/** Which key got a token of which connection; never the token itself. */
export interface AuditEntry {
  time: string
  key: string
  /** Null if the key may not see that connection. */
  user: string | null
  /** Null for what cannot be the id of one. */
  connection: string | null
  /** `vended`, or the code of the refusal. */
  outcome: string
  requestId: string
}

/**
 * Resolves once the line is written: without it, no token goes out.
 * @throws GuichetError `audit_unavailable` if the sink fails or holds back more than 1 MiB
 */
export type Audit = (entry: AuditEntry) => Promise<void>

/**
 * An audit trail in that file, or on standard output.
 * @throws ConfigError naming AUDIT_FILE if it cannot be opened: every vend would fail
 */
export function createAudit(file: string | undefined): Audit {
  const sink = file === undefined ? standardOutput : createLineSink(file)
  try {
    sink.open()
  } catch (error) {
    const code = safeCodeOf(error)
    // A named pipe whose reader comes later.
    if (code !== 'ENXIO')
      throw new ConfigError([{ variable: 'AUDIT_FILE', problem: `cannot be opened for writing (${code})` }])
  }
  return async entry => {
    try {
      await sink.commit(`${JSON.stringify({ audit: 'vend', ...entry })}\n`)
    } catch (cause) {
      throw new GuichetError('audit_unavailable', { cause })
    }
  }
}
