import { createHash } from 'node:crypto'
import type { ConnectionRecord } from '../../../connections/record.ts'
import { createEvent, type EventRecord, type EventType } from '../../../events/event.ts'
import type { News } from './history.ts'

type Connection = Pick<ConnectionRecord, '_id' | 'externalId'>

/**
 * The event for one piece of news. Its id is computed from the news: found again after a crash or a resync it is the same
 * event, which the list holds once. Only a change of labels may happen to a message more than once.
 */
export function toNewsEvent(connection: Connection, { kind, ...news }: News, at: Date): EventRecord {
  const id = idOf(connection, kind, news.messageId, kind === 'changed' ? news.historyId : '')
  return { id, type: `gmail.message_${kind}`, createdAt: at, data: { ...whose(connection), ...news } }
}

/** Says that Google forgot the cursor, and from where to where mail was looked up instead. */
export function toResyncEvent(
  connection: Connection,
  resync: { from: string; to: string; truncated: boolean },
  at: Date
): EventRecord {
  const data = { ...whose(connection), ...resync, reason: 'cursor_expired' }
  return { id: idOf(connection, 'resync', resync.from, resync.to), type: 'gmail.resync', createdAt: at, data }
}

/** Says that pushes stopped, or that they are back. */
export function toWatchEvent(
  type: Extract<EventType, `gmail.watch_${string}`>,
  connection: Connection,
  expiresAt: Date,
  at: Date
): EventRecord {
  return createEvent(type, at, { ...whose(connection), expiresAt: expiresAt.toISOString() })
}

function whose({ _id, externalId }: Connection): { connectionId: string; externalId?: string } {
  return { connectionId: _id.toHexString(), ...(externalId !== undefined && { externalId }) }
}

function idOf({ _id }: Connection, ...parts: string[]): string {
  const hash = createHash('sha256').update([_id.toHexString(), ...parts].join('\n'))
  return `evt_${hash.digest('base64url').slice(0, 32)}`
}
