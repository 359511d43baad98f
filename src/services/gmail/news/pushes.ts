import type { Clock } from '../../../clock.ts'
import type { WatchError, WatchRecord } from '../../../connections/watch.ts'
import { CodedError, GuichetError } from '../../../errors.ts'
import type { Mailbox } from '../mailbox.ts'

/** The fields of a watch that asking for pushes sets. */
export type PushState = Pick<WatchRecord, 'renewAt' | 'pushError'> & Partial<Pick<WatchRecord, 'expiresAt'>>

/** Google sends pushes for a week and advises to ask daily. A random hour spreads the mailboxes over the day. */
const renewMs = 20 * 3_600_000
const spreadMs = 8 * 3_600_000
const retryMs = 3_600_000

/**
 * Asks Google to send pushes for a mailbox to the topic, without a filter: a filter by label would hide other changes. A
 * refusal is part of the result. The historyId in Google's answer is not: the events up to it are not written yet.
 */
export async function askForPushes({ gmail }: Mailbox, topicName: string, clock: Clock): Promise<PushState> {
  try {
    const { expiration } = await gmail.call(
      'watch',
      (users, options) => users.watch({ userId: 'me', requestBody: { topicName } }, options),
      // It replaces the one before.
      { repeatable: true }
    )
    const expiresAt = new Date(Number(expiration))
    if (!expiration || Number.isNaN(expiresAt.getTime()))
      throw new GuichetError('google_invalid_response', { cause: new CodedError('no_expiration') })
    const renewAt = new Date(clock.nowMs() + renewMs + Math.floor(Math.random() * spreadMs))
    return { expiresAt, renewAt, pushError: null }
  } catch (error) {
    return { renewAt: new Date(clock.nowMs() + retryMs), pushError: toWatchError(error) }
  }
}

/** @throws any error that is not one of the HTTP contract */
export function toWatchError(error: unknown): WatchError {
  if (!(error instanceof GuichetError)) throw error
  return { code: error.code, detail: error.details.detail ?? error.title }
}
