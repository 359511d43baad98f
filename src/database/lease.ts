import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'

/** The process that works on a document, until when at most, on the database's clock. Stored in the document itself. */
export interface Lease {
  owner: string
  until: Date
}

/** A document that holds no lease has null in its place. */
export interface Leases {
  /** A lease from now on, for `owner`; a new owner if none is named. */
  begin(owner?: string): Lease
  /** Filter: no lease runs, and `begin` may be written. */
  free(): { $or: Record<string, unknown>[] }
  /** Filter: that owner's lease was never interrupted. */
  heldBy(owner: string): Record<string, unknown>
  /** Whether that lease still runs. */
  runs(lease: Lease | null): boolean
}

/**
 * Leases that last for `ttlMs`: longer than the work that is done under one may take, its calls to Google included.
 * `field` is where the document holds its lease.
 */
export function createLeases(clock: Clock, ttlMs: number, field = 'lease'): Leases {
  const now = () => new Date(clock.nowMs())
  return {
    begin: (owner = randomUUID()) => ({ owner, until: new Date(clock.nowMs() + ttlMs) }),
    free: () => ({ $or: [{ [field]: null }, { [`${field}.until`]: { $lte: now() } }] }),
    heldBy: owner => ({ [`${field}.owner`]: owner, [`${field}.until`]: { $gt: now() } }),
    runs: lease => lease !== null && lease.until.getTime() > clock.nowMs()
  }
}
