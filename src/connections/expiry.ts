import type { Clock } from '../clock.ts'
import { inTurn, nextLook } from '../database/in-turn.ts'
import { GuichetError } from '../errors.ts'
import type { LiveTokens } from './live-token.ts'
import type { ConnectionRepository } from './repository.ts'

/** How long before Google ends a grant its user is warned. */
export const warningMs = 48 * 3_600_000
/** Longer than any access token lives: Google has to be asked. */
const askSeconds = 86_400
/** As long as a refresh that failed cools down. */
const leastPauseMs = 30_000

/** Leaves one event for each grant whose announced end comes near. */
export async function warnOfExpiry(repository: ConnectionRepository, clock: Clock): Promise<void> {
  const now = new Date(clock.nowMs())
  const expiring = await repository.listExpiring(new Date(now.getTime() + warningMs))
  await inTurn(expiring, record => repository.noteWarning(record, now))
}

/**
 * Asks Google about each grant whose announced end has passed: its connection is dead, or the end is no longer
 * kept. Without this, a connection that nobody uses would stay active after its grant has ended.
 */
export async function checkEnded(
  repository: ConnectionRepository,
  clock: Clock,
  liveToken: LiveTokens,
  signal: AbortSignal
): Promise<void> {
  const ended = await repository.listEnded(new Date(clock.nowMs()))
  await inTurn(
    ended,
    async record => {
      // First, so that a record that does not open, or kills its process, is not the first one for ever.
      const nextLookAt = nextLook(record.refreshTokenExpiresAt ?? record.updatedAt, clock.nowMs(), leastPauseMs)
      if (!(await repository.postponeLook(record, nextLookAt))) return
      // The record has Google's answer; if Google could not be asked, a later round asks again.
      await liveToken(record, { minTtlSeconds: askSeconds }).catch(error => {
        if (!(error instanceof GuichetError)) throw error
      })
    },
    signal
  )
}
