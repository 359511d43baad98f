import type { EventType } from '../events/event.ts'
import { type ConnectionRecord, statusOf } from './record.ts'

/** What a change of a connection is called, if it is anything that others need to know. */
export function eventOfChange(before: ConnectionRecord | null, after: ConnectionRecord): EventType | undefined {
  const was = before && statusOf(before)
  const is = statusOf(after)
  if (is === 'needs_reconnect') return was === is ? undefined : 'connection.needs_reconnect'
  // A refresh that changes no state is no event, even if Google rotated the token; a new grant is.
  const isRefresh = before !== null && before.lastRefreshedAt !== after.lastRefreshedAt
  const isAnew = before?.refreshToken !== after.refreshToken && !isRefresh
  if (is === 'partial') return was === is && !isAnew ? undefined : 'connection.partial'
  if (was === 'needs_reconnect' || was === 'partial') return 'connection.recovered'
  return isAnew ? 'connection.connected' : undefined
}
