import { z } from 'zod'
import { newsKinds, type WatchRecord } from '../../connections/watch.ts'
import { stateOf } from '../../services/gmail/news/watching.ts'

const Time = z.iso.datetime().nullable()

export const WatchView = z
  .object({
    status: z
      .enum(['active', 'polling', 'lapsed', 'off'])
      .describe('By push; by polling; by polling because pushes have stopped; not at all.'),
    mode: z.enum(['push', 'poll']).nullable(),
    events: z.array(z.enum(newsKinds)),
    labelIds: z
      .array(z.string())
      .describe('Only changes of messages with one of these labels; empty: of all messages.'),
    since: Time,
    expiresAt: Time.describe('When pushes end unless they are renewed, which is done daily.'),
    lastNotifiedAt: Time.describe('When Google last pushed.'),
    lastSyncedAt: Time.describe('Every change up to here has its event.'),
    lag: z.number().int().nullable().describe('Seconds since lastSyncedAt, or since the start.'),
    error: z
      .object({ code: z.string(), detail: z.string() })
      .nullable()
      .describe('Why Google could not be asked last time, or why it sends no pushes.')
  })
  .meta({ id: 'Watch' })
export type WatchView = z.infer<typeof WatchView>

/** The same, as far as it shows on the connection itself. */
export const WatchSummary = WatchView.omit({ lag: true }).meta({ id: 'WatchSummary' })
export type WatchSummary = z.infer<typeof WatchSummary>

export function toWatchView(watch: WatchRecord | undefined, nowMs: number): WatchView {
  const syncedAt = watch && (watch.lastSyncedAt ?? watch.since)
  const lag = syncedAt ? Math.max(0, Math.floor((nowMs - syncedAt.getTime()) / 1000)) : null
  return { ...toWatchSummary(watch), lag }
}

export function toWatchSummary(watch: WatchRecord | undefined): WatchSummary {
  const { since, expiresAt, lastNotifiedAt, lastSyncedAt, ...state } = stateOf(watch)
  return {
    ...state,
    since: toText(since),
    expiresAt: toText(expiresAt),
    lastNotifiedAt: toText(lastNotifiedAt),
    lastSyncedAt: toText(lastSyncedAt)
  }
}

const toText = (time: Date | null) => time?.toISOString() ?? null
