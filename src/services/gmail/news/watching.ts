import type { Clock } from '../../../clock.ts'
import type { NewsKind, WatchError, WatchRecord } from '../../../connections/watch.ts'
import { toComparableAddress } from '../../../email-address.ts'
import { GuichetError } from '../../../errors.ts'
import type { Mailbox } from '../mailbox.ts'
import { toHistoryId } from './history-id.ts'
import { shortestMs } from './poll-interval.ts'
import { askForPushes, toWatchError } from './pushes.ts'
import type { Watches } from './watches.ts'

/** What an app asks to be told. */
export interface Wishes {
  events: NewsKind[]
  labelIds: string[]
}

/** How a mailbox is followed, as the API shows it. */
export interface WatchState {
  status: 'active' | 'polling' | 'lapsed' | 'off'
  mode: 'push' | 'poll' | null
  events: NewsKind[]
  labelIds: string[]
  since: Date | null
  expiresAt: Date | null
  lastNotifiedAt: Date | null
  lastSyncedAt: Date | null
  error: WatchError | null
}

export interface Watching {
  /** Follows the mailbox from now on; one that is followed already only gets the new wishes. */
  start(mailbox: Mailbox, wishes: Wishes): Promise<WatchRecord>
  stop(mailbox: Mailbox): Promise<void>
}

export function createWatching(options: {
  watches: Watches
  /** Where Google sends pushes; without it mailboxes are only polled. */
  topic: string | undefined
  clock: Clock
}): Watching {
  const { watches, topic, clock } = options
  const noPushes = { expiresAt: null, renewAt: null, pushError: null }

  return {
    async start(mailbox, wishes) {
      const { _id, watch } = mailbox.connection
      const lacksPushes = topic && watch && (watch.lapsed || !watch.expiresAt)
      const pushes = lacksPushes ? await askForPushes(mailbox, topic, clock) : {}
      const known = await watches.change(_id, { ...wishes, ...pushes })
      if (known) return known.watch
      // Read before Google is asked for pushes: what comes in between is in the history after it.
      const profile = await mailbox.gmail.call('getProfile', (users, options) =>
        users.getProfile({ userId: 'me' }, options)
      )
      const now = new Date(clock.nowMs())
      const started: WatchRecord = {
        address: toComparableAddress(profile.emailAddress ?? '') ?? '',
        ...wishes,
        cursor: toHistoryId(profile.historyId),
        since: now,
        dueAt: new Date(now.getTime() + shortestMs),
        intervalMs: shortestMs,
        lease: null,
        lastSyncedAt: null,
        ...noPushes,
        ...(topic && (await askForPushes(mailbox, topic, clock))),
        lapsed: false,
        lastNotifiedAt: null,
        lastPushId: null,
        error: null
      }
      if (await watches.start(_id, started)) return started
      // Another request was faster, or the connection is gone.
      const other = await watches.change(_id, wishes)
      if (!other) throw new GuichetError('not_found')
      return other.watch
    },

    async stop(mailbox) {
      const { _id } = mailbox.connection
      const watch = await watches.stop(_id)
      // The watch at Google belongs to the account: another user's connection may need it.
      if (!watch?.expiresAt || (await watches.hasOther(watch.address, _id))) return
      // A refusal does no harm: pushes for a mailbox that is not watched are ignored.
      await mailbox.gmail.call('stop', (users, options) => users.stop({ userId: 'me' }, options)).catch(toWatchError)
    }
  }
}

/** A lapsed watch keeps its `expiresAt`: pushes ended there, and polling goes on. */
export function stateOf(watch: WatchRecord | undefined): WatchState {
  if (!watch) {
    const never = { since: null, expiresAt: null, lastNotifiedAt: null, lastSyncedAt: null, error: null }
    return { status: 'off', mode: null, events: [], labelIds: [], ...never }
  }
  const { events, labelIds, since, expiresAt, lastNotifiedAt, lastSyncedAt, lapsed, error, pushError } = watch
  const pushed = expiresAt !== null && !lapsed
  return {
    status: lapsed ? 'lapsed' : pushed ? 'active' : 'polling',
    mode: pushed ? 'push' : 'poll',
    events,
    labelIds,
    since,
    expiresAt,
    lastNotifiedAt,
    lastSyncedAt,
    error: error ?? pushError
  }
}
