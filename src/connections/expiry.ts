import type { Clock } from '../clock.ts'
import type { ConnectionRepository } from './repository.ts'

/** How long before Google ends a grant its user is warned. */
export const warningMs = 48 * 3_600_000

/** Leaves one event for each grant whose announced end comes near. */
export async function warnOfExpiry(repository: ConnectionRepository, clock: Clock): Promise<void> {
  const now = new Date(clock.nowMs())
  for (const record of await repository.listExpiring(new Date(now.getTime() + warningMs))) {
    await repository.noteWarning(record, now)
  }
}
