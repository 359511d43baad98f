import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import type { NewsKind } from '../../../connections/watch.ts'
import type { EventRecord } from '../../../events/event.ts'
import type { Mailbox } from '../mailbox.ts'
import { toNewsEvent, toResyncEvent } from './events.ts'
import type { News } from './history.ts'
import { toHistoryId } from './history-id.ts'
import type { Held } from './watches.ts'

/** The ids of one page, and the most events of one kind in a resync. */
const pageSize = 500
/** The search begins this much before the last look: mail may be dated earlier than it arrived. */
const overlapMs = 3_600_000

const searches: Partial<Record<NewsKind, string>> = { received: '-in:sent -in:draft', sent: 'in:sent' }

/**
 * Google keeps a mailbox's history for about a week, at times for hours. Where the cursor is older, mail since the last good
 * look is found by a search instead, up to a bound; changes of labels and deletions in between stay unknown, which the
 * event says. Mail that was reported before has the same event id again, and so is not reported twice.
 */
export async function catchUp(
  held: Held,
  mailbox: Mailbox,
  now: Date,
  signal: AbortSignal
): Promise<{ cursor: string; events: EventRecord[] }> {
  // Before the search, so that mail arriving in between is found by both and never missed.
  const profile = await mailbox.gmail.call('getProfile', (users, options) =>
    users.getProfile({ userId: 'me' }, options)
  )
  const cursor = toHistoryId(profile.historyId)
  const news: News[] = []
  let truncated = false
  for (const kind of held.watch.events) {
    const search = searches[kind]
    if (search === undefined) continue
    const labels = held.watch.labelIds.length > 0 ? held.watch.labelIds : [undefined]
    for (const label of labels) {
      const answer = await searchSince(held, mailbox, search, label, signal)
      truncated ||= Boolean(answer.nextPageToken)
      // Google lists the newest first.
      for (const { id, threadId } of (answer.messages ?? []).reverse()) {
        if (!id || news.some(one => one.messageId === id)) continue
        news.push({ kind, messageId: id, ...(threadId && { threadId }), historyId: cursor })
      }
    }
  }
  const resync = { from: held.watch.cursor, to: cursor, truncated }
  return {
    cursor,
    events: [toResyncEvent(held, resync, now), ...news.map(one => toNewsEvent(held, one, now))]
  }
}

function searchSince(
  { watch }: Held,
  { gmail }: Mailbox,
  search: string,
  label: string | undefined,
  signal: AbortSignal
): Promise<gmail_v1.Schema$ListMessagesResponse> {
  const sinceMs = Math.max(watch.since.getTime(), (watch.lastSyncedAt?.getTime() ?? 0) - overlapMs)
  const q = `after:${Math.floor(sinceMs / 1000)} ${search}`
  return gmail.call(
    'messages.list',
    (users, options) =>
      users.messages.list({ userId: 'me', q, maxResults: pageSize, ...(label && { labelIds: [label] }) }, options),
    { signal }
  )
}
