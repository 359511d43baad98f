import type { Clock } from '../clock.ts'
import type { ConnectionRecord } from './record.ts'
import type { ConnectionRepository } from './repository.ts'
import type { Revocations, Revoked } from './revocations.ts'

/** Ends a connection: gone and its revocation queued in one write; then revoked, kept, or left to a later attempt. */
export type Disconnect = (connection: ConnectionRecord) => Promise<Revoked>

/** The process that ended the connection revokes at once: background work of all replicas leaves it this head start. */
const headStartMs = 5_000

export function createDisconnect(options: {
  repository: ConnectionRepository
  revocations: Revocations
  clock: Clock
}): Disconnect {
  const { repository, revocations, clock } = options
  return async connection => {
    const nowMs = clock.nowMs()
    const ended = await repository.markDisconnected(connection, new Date(nowMs), new Date(nowMs + headStartMs))
    // Another request ended it first, and revokes it.
    if (!ended) return 'pending'
    // The connection is gone already: if the database fails now, background work does the rest.
    return revocations.drain(ended.account.sub).catch(() => 'pending')
  }
}
