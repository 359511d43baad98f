import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import type { Clock } from '../../../clock.ts'
import { hasCode } from '../../../errors.ts'
import type { EventRecord } from '../../../events/event.ts'
import type { Mailbox } from '../mailbox.ts'
import { toNewsEvent } from './events.ts'
import { isWanted, readHistory } from './history.ts'
import { latest, toHistoryId } from './history-id.ts'
import { catchUp } from './resync.ts'
import type { Held, Watches } from './watches.ts'

/** The result of a look at a mailbox: whether there was news, and whether more of it waits. */
export interface Outcome {
  found: boolean
  more: boolean
}

/** A backlog is read in parts, so that no other mailbox has to wait. */
const pagesAtOnce = 4
const pageSize = 100
/** Events written at a time: they lie in the connection's record until they are listed. */
const eventsAtOnce = 200

const typesOf = {
  received: ['messageAdded', 'labelRemoved'],
  sent: ['messageAdded'],
  changed: ['labelAdded', 'labelRemoved'],
  deleted: ['messageDeleted']
} as const

/**
 * Writes events for what happened in a mailbox since its cursor. The cursor moves in the same write that stores the events of the
 * records it passes: after a crash the next worker continues from there. It always starts from the stored cursor,
 * never from the number that a push brought.
 */
export function createSync(options: {
  watches: Watches
  clock: Clock
  /** Brings the connection's waiting events into the list. */
  listEvents: (held: Held) => Promise<void>
}): (held: Held, mailbox: Mailbox, signal: AbortSignal) => Promise<Outcome> {
  const { watches, clock, listEvents } = options
  const lost: Outcome = { found: false, more: false }

  /** Stores the events in parts; the cursor moves with the last part, once all events of the record are stored. */
  async function tell(held: Held, cursor: string, events: readonly EventRecord[]): Promise<boolean> {
    for (let at = 0; at < events.length || cursor !== held.watch.cursor; at += eventsAtOnce) {
      const part = events.slice(at, at + eventsAtOnce)
      const isLast = at + part.length === events.length
      if (!(await watches.write(held, isLast ? { cursor } : {}, part))) return false
      if (part.length > 0) await listEvents(held)
      if (isLast) break
    }
    return true
  }

  return async (held, mailbox, signal) => {
    const startHistoryId = held.watch.cursor
    let pageToken: string | undefined
    // Taken from the first page: the later pages may lack what happens while they are read.
    let current: string | undefined
    let found = false
    for (let page = 0; page < pagesAtOnce; page++) {
      let answer: gmail_v1.Schema$ListHistoryResponse
      try {
        answer = await listHistory(mailbox, held, startHistoryId, pageToken, signal)
      } catch (error) {
        if (!hasCode(error, 'not_found')) throw error
        const { cursor, events } = await catchUp(held, mailbox, new Date(clock.nowMs()), signal)
        return (await tell(held, cursor, events)) ? { found: true, more: false } : lost
      }
      current ??= toHistoryId(answer.historyId)
      const now = new Date(clock.nowMs())
      const events: EventRecord[] = []
      let reached = held.watch.cursor
      // A page may hold nothing and have another after it.
      for (const record of answer.history ?? []) {
        const news = readHistory(record).filter(one => isWanted(one, held.watch))
        if (events.length > 0 && events.length + news.length > eventsAtOnce) {
          if (!(await tell(held, reached, events.splice(0)))) return lost
        }
        events.push(...news.map(one => toNewsEvent(held, one, now)))
        reached = latest(reached, toHistoryId(record.id))
        found ||= news.length > 0
      }
      pageToken = answer.nextPageToken ?? undefined
      if (!(await tell(held, pageToken ? reached : latest(reached, current), events))) return lost
      if (!pageToken) return { found, more: false }
      if (signal.aborted) break
    }
    return { found, more: true }
  }
}

function listHistory(
  { gmail }: Mailbox,
  { watch }: Held,
  startHistoryId: string,
  pageToken: string | undefined,
  signal: AbortSignal
): Promise<gmail_v1.Schema$ListHistoryResponse> {
  const historyTypes = [...new Set(watch.events.flatMap(kind => typesOf[kind]))]
  return gmail.call(
    'history.list',
    (users, options) =>
      users.history.list(
        { userId: 'me', startHistoryId, historyTypes, maxResults: pageSize, ...(pageToken && { pageToken }) },
        options
      ),
    { signal }
  )
}
