import type { Clock } from '../clock.ts'
import type { ConnectionRecord } from './record.ts'
import type { ConnectionRepository } from './repository.ts'
import type { Revocations, Revoked } from './revocations.ts'

/** Ends a connection: gone and its revocation owed in one write, then revoked, or kept, or tried again later. */
export type Disconnect = (connection: ConnectionRecord) => Promise<Revoked>

/** Who ended the connection pays at once: the workers of all replicas leave it this head start. */
const headStartMs = 5_000

export function createDisconnect(options: {
  repository: ConnectionRepository
  revocations: Revocations
  clock: Clock
}): Disconnect {
  const { repository, revocations, clock } = options
  return async connection => {
    const nowMs = clock.nowMs()
    const buried = await repository.bury(connection, new Date(nowMs), new Date(nowMs + headStartMs))
    // Someone else ended it first: what is owed is theirs to pay.
    if (!buried) return 'pending'
    // The connection is gone already: a database that fails now leaves the rest to the worker.
    return revocations.settle(buried.account.sub).catch(() => 'pending')
  }
}
