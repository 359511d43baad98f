import type { Lease } from '../database/lease.ts'

/** What a watch may tell of a message: it arrived, it was sent, its labels changed, it was deleted for good. */
export const newsKinds = ['received', 'sent', 'changed', 'deleted'] as const
export type NewsKind = (typeof newsKinds)[number]

/**
 * How a connection's mailbox is followed. It is part of the connection's record: it ends with the connection, and news,
 * the cursor and the proof that the connection still lives are one write. Times are the database's.
 */
export interface WatchRecord {
  /** The mailbox's address, as addresses are compared. */
  address: string
  /** Which changes become events. */
  events: NewsKind[]
  /** Only changes of messages with one of these labels; empty: of all messages. */
  labelIds: string[]
  /** Gmail's historyId, in decimal: every change up to here has its event. It only moves forward. */
  cursor: string
  since: Date
  /** When the mailbox is next looked at; a push makes it now. */
  dueAt: Date
  /** The polling interval while there is no news. */
  intervalMs: number
  /** The worker that is looking, until when at most. */
  lease: Lease | null
  lastSyncedAt: Date | null
  /** Until when Google sends pushes; null where it sends none. */
  expiresAt: Date | null
  /** When Google is next asked to send pushes; null where pushes are not set up. */
  renewAt: Date | null
  /** Whether the event for stopped pushes was written. */
  lapsed: boolean
  lastNotifiedAt: Date | null
  /** The push that came last, by its id. */
  lastPushId: string | null
  /** Why the mailbox could not be looked at last time; null once it could. */
  error: WatchError | null
  /** Why Google sends no pushes although they are set up; null where it does. */
  pushError: WatchError | null
}

/** An error of the HTTP contract, by its code. */
export interface WatchError {
  code: string
  detail: string
}
