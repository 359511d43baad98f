import { randomUUID } from 'node:crypto'
import type { Collection } from 'mongodb'
import { Webhook } from 'standardwebhooks'
import type { Clock } from '../clock.ts'
import { type AddressGuard, faultOfWebhookUrl } from '../config/networks.ts'
import type { CollectionOf } from '../database/database.ts'
import { CodedError } from '../errors.ts'
import { lazily } from '../lazily.ts'
import { safeCodeOf } from '../observability/log.ts'
import { retryAfterSeconds } from '../retry-after.ts'
import { hashSecret } from '../secrets.ts'
import type { ListedEvent } from './event.ts'
import { createGuardedLookup } from './public-address.ts'

const undici = lazily<typeof import('undici')>('undici')

export interface Delivery {
  /** Sends what is due; each event by one replica at a time. */
  deliverDue(): Promise<void>
  /** Whether the receiver at this URL answered 410, and nothing is sent to it any more. */
  isRefused(): Promise<boolean>
  /** Cuts off what is being sent: it is due again at once. */
  close(): Promise<void>
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs
/** Pauses after each failed attempt, as Standard Webhooks suggests: three days in all, then the event is parked. */
const pausesMs = [
  5_000,
  5 * minuteMs,
  30 * minuteMs,
  2 * hourMs,
  5 * hourMs,
  10 * hourMs,
  14 * hourMs,
  20 * hourMs,
  24 * hourMs
]
const timeoutMs = 20_000
/** Longer than an attempt: an event whose process died is taken up again after this. */
const claimMs = 60_000
const atOnce = 4
const longestPauseMs = hourMs

/** What is kept of a receiver: by its URL, for another one has said nothing yet. */
export interface ReceiverRecord {
  _id: string
  /** It answered 410. */
  gone?: boolean
  /** Nothing is delivered to it before this: its Retry-After. */
  pausedUntil?: Date
}

export const receiverCollection: CollectionOf<ReceiverRecord> = { name: 'meta', indexes: [] }

const receiver = 'webhook:'
const receiverOf = (url: string) => ({ _id: `${receiver}${hashSecret(url)}` })

type Outcome = 'delivered' | 'cut off' | { gone: boolean; waitMs: number; reason: string }

/** Delivers the listed events to the one webhook, signed as https://www.standardwebhooks.com says: at least once each. */
export function createDelivery(options: {
  collection: Collection<ListedEvent>
  meta: Collection<ReceiverRecord>
  clock: Clock
  url: string
  secrets: readonly string[]
  guard: AddressGuard
  /** `reason` says why, as a code. */
  onFailure: (event: ListedEvent, reason: string, parked: boolean) => void
}): Delivery {
  const { collection, meta, clock, url, guard, onFailure } = options
  const signers = options.secrets.map(secret => new Webhook(secret))
  const { Agent, fetch } = undici()
  const dispatcher = new Agent({ connect: { lookup: createGuardedLookup(guard), timeout: timeoutMs } })
  const closing = new AbortController()
  const fromNow = (ms: number) => new Date(clock.nowMs() + ms)

  /** A receiver that answered 410 wants nothing more, until another URL is given or its events are replayed. */
  async function isWanted(): Promise<boolean> {
    const { gone, pausedUntil } = (await meta.findOne(receiverOf(url))) ?? {}
    return !gone && (pausedUntil?.getTime() ?? 0) <= clock.nowMs()
  }

  function claim(owner: string): Promise<ListedEvent | null> {
    return collection.findOneAndUpdate(
      { 'delivery.nextAttemptAt': { $lte: fromNow(0) } },
      { $set: { 'delivery.nextAttemptAt': fromNow(claimMs), 'delivery.owner': owner } },
      // In the order of the index: however many were delivered before, the next one is found as fast.
      { sort: { 'delivery.nextAttemptAt': 1, _id: 1 }, returnDocument: 'after' }
    )
  }

  async function send({ id, type, createdAt, data }: ListedEvent): Promise<Outcome> {
    const now = fromNow(0)
    const timestamp = createdAt.toISOString()
    const body = JSON.stringify({ id, type, timestamp, createdAt: timestamp, data })
    try {
      if (faultOfWebhookUrl(url, guard)) throw new CodedError('address_not_public')
      const response = await fetch(url, {
        method: 'POST',
        body,
        redirect: 'manual',
        dispatcher,
        signal: AbortSignal.any([closing.signal, AbortSignal.timeout(timeoutMs)]),
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
          'webhook-signature': signers.map(signer => signer.sign(id, now, body)).join(' ')
        }
      })
      // The body is ignored, whatever its size.
      await response.body?.cancel()
      if (response.ok) return 'delivered'
      const wait = retryAfterSeconds(response.headers.get('retry-after'), now.getTime()) ?? 0
      const { status } = response
      return { gone: status === 410, waitMs: Math.min(wait * 1000, 24 * hourMs), reason: `status_${status}` }
    } catch (error) {
      return closing.signal.aborted ? 'cut off' : { gone: false, waitMs: 0, reason: reasonOf(error as Error) }
    }
  }

  async function attempt(event: ListedEvent, owner: string): Promise<void> {
    const outcome = await send(event)
    const mine = { _id: event._id, 'delivery.owner': owner }
    if (outcome === 'delivered') {
      await collection.updateOne(mine, { $set: { deliveredAt: fromNow(0), delivery: null } })
      return
    }
    const attempted = event.delivery?.attempts ?? 0
    if (outcome === 'cut off') {
      await collection.updateOne(mine, {
        $set: { delivery: { attempts: attempted, nextAttemptAt: fromNow(0), owner: null } }
      })
      return
    }
    const attempts = attempted + 1
    const pause = outcome.gone ? undefined : pausesMs[attempts - 1]
    onFailure(event, outcome.reason, pause === undefined)
    if (outcome.gone) await meta.updateOne(receiverOf(url), { $set: { gone: true } }, { upsert: true })
    // A receiver that asks to slow down means every delivery, not only this event.
    else if (outcome.waitMs > 0) {
      const pausedUntil = fromNow(Math.min(outcome.waitMs, longestPauseMs))
      await meta.updateOne(receiverOf(url), { $max: { pausedUntil } }, { upsert: true })
    }
    if (pause === undefined) {
      await collection.updateOne(mine, { $set: { parkedAt: fromNow(0), delivery: null } })
      return
    }
    // A fifth more or less, so that a receiver that comes back is not met by all at once.
    const nextAttemptAt = fromNow(Math.max(outcome.waitMs, pause * (0.8 + Math.random() * 0.4)))
    await collection.updateOne(mine, { $set: { delivery: { attempts, nextAttemptAt, owner: null } } })
  }

  async function deliverOne(): Promise<boolean> {
    if (closing.signal.aborted || !(await isWanted())) return false
    const owner = randomUUID()
    const event = await claim(owner)
    if (event) await attempt(event, owner)
    return event !== null
  }

  return {
    isRefused: async () => (await meta.findOne(receiverOf(url)))?.gone ?? false,

    async deliverDue() {
      const lane = async () => {
        while (await deliverOne());
      }
      // A lane that fails ends the round with its error, but not before the others: the next round has lanes of its own.
      const ended = await Promise.allSettled(Array.from({ length: atOnce }, lane))
      for (const lane of ended) if (lane.status === 'rejected') throw lane.reason
    },
    async close() {
      closing.abort()
      await dispatcher.close()
    }
  }
}

/** Of what fetch throws, the cause says what happened. */
function reasonOf(error: Error): string {
  return error.name === 'TimeoutError' ? 'time_out' : safeCodeOf(error.cause ?? error)
}

/** Events whose delivery was given up, oldest first. */
export function listParked(collection: Collection<ListedEvent>): Promise<ListedEvent[]> {
  return collection
    .find({ parkedAt: { $ne: null } })
    .sort({ _id: 1 })
    .toArray()
}

/** How many events wait for a replay, or another URL, because the receiver at that one answered 410. */
export async function countRefused(
  collection: Collection<ListedEvent>,
  meta: Collection<ReceiverRecord>,
  url: string
): Promise<number> {
  const { gone = false } = (await meta.findOne(receiverOf(url))) ?? {}
  return gone ? collection.countDocuments({ delivery: { $ne: null } }) : 0
}

/** Delivers to a receiver again that answered 410 or asked to wait; what is parked stays parked. Gives whether there was one. */
export async function resumeDelivery(meta: Collection<ReceiverRecord>): Promise<boolean> {
  const { deletedCount } = await meta.deleteMany({ _id: { $regex: `^${receiver}` } })
  return deletedCount > 0
}

/** Makes parked events due again, and forgets that a receiver once answered 410 or asked to wait. Gives how many. */
export async function replayParked(
  collection: Collection<ListedEvent>,
  meta: Collection<ReceiverRecord>,
  now: Date
): Promise<number> {
  await resumeDelivery(meta)
  const { modifiedCount } = await collection.updateMany(
    { parkedAt: { $ne: null } },
    { $set: { parkedAt: null, delivery: { attempts: 0, nextAttemptAt: now, owner: null } } }
  )
  return modifiedCount
}
