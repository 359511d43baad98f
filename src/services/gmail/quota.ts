import type { Collection } from 'mongodb'
import type { Clock } from '../../clock.ts'
import type { CollectionOf } from '../../database/database.ts'
import { isDuplicateKey } from '../../database/errors.ts'

/** Units that one process took out of a budget: they count until `until`, used or not. */
interface Taken {
  by: string
  units: number
  until: Date
}

/** One budget's last minute, shared by all replicas. */
export interface QuotaRecord {
  /** `user:` and the Google account's sub, or `project`. */
  _id: string
  /** Counts the changes: each is written only over the version it was made from. */
  version: number
  taken: Taken[]
  /** Google asked to leave the account alone until then. */
  pausedUntil: Date | null
  expiresAt: Date
}

export const quotaCollection: CollectionOf<QuotaRecord> = {
  name: 'gmailQuota',
  indexes: [{ key: { expiresAt: 1 }, expireAfterSeconds: 0 }]
}

/** What this process may spend of one budget. */
export interface Share {
  /** Whether this process has that many units to spend, with `reserve` units of the whole budget left over. */
  has(units: number, reserve: number): boolean
  spend(units: number): void
  /** Takes more from the budget. 0 once it has them, else the milliseconds until there may be some. */
  refill(units: number, reserve: number): Promise<number>
  /** Milliseconds until so many may be there, as far as is known here. */
  foresee(units: number, reserve: number): number
  /** Units of the budget that nobody has spent in the last minute, as far as is known here. */
  left(): number
  /** Tells all replicas of a pause that Google asked for. */
  pause(untilMs: number): Promise<void>
  /** The end of such a pause, as far as is known here; 0 for none. */
  pausedUntilMs(): number
}

/** Google counts a sliding minute; a call may reach it a second after its units were spent here. */
const windowMs = 61_000
/** A batch is a twentieth of the budget: 20 writes a minute spend all of it. */
const batchesPerMinute = 20
/** How long a batch may be used. Others cannot use the rest of a batch for that long, so it is short once units are scarce. */
const calmMs = 60_000
const scarceMs = 5_000
/** Other replicas give units back: what this process knows of them counts for this long. */
const freshMs = 2_000
const maxTries = 8

/**
 * Counts units of Google's quota over all replicas without a write per call: each process takes a batch out of the
 * budget's document by compare-and-set, spends it by itself, and gives back with the next batch what it did not use.
 */
export function createQuota(options: {
  collection: Collection<QuotaRecord>
  clock: Clock
  /** This process. */
  owner: string
}): (id: string, unitsPerMinute: number) => Share {
  const { collection, clock, owner } = options

  return (id, budget) => {
    let known: QuotaRecord | undefined
    let knownAtMs = 0
    let batch = { units: 0, used: 0, lastUsedMs: 0, validUntilMs: 0 }
    /** The next batch is being taken and the old one given back: what is spent of it now would be spent twice. */
    let taking: Promise<number> | undefined

    /** The batches that count now, with this process's own as far as it was used. */
    function counted(record: QuotaRecord | undefined, nowMs: number): Taken[] {
      const others = (record?.taken ?? []).filter(taken => taken.until.getTime() > nowMs && !isOpen(taken))
      if (batch.used === 0 || batch.lastUsedMs + windowMs <= nowMs) return others
      return [...others, { by: owner, units: batch.used, until: new Date(batch.lastUsedMs + windowMs) }]
    }
    const isOpen = ({ by, until }: Taken) => by === owner && until.getTime() === batch.validUntilMs + windowMs
    const sum = (taken: Taken[]) => taken.reduce((total, { units }) => total + units, 0)
    const isStale = () => Math.abs(clock.nowMs() - knownAtMs) >= freshMs
    const left = () => Math.max(0, budget - sum(counted(known, clock.nowMs())))

    async function write(record: QuotaRecord | undefined, change: Omit<QuotaRecord, '_id' | 'version'>) {
      const next = { _id: id, version: (record?.version ?? 0) + 1, ...change }
      const { _id, ...fields } = next
      if (record) {
        const { matchedCount } = await collection.updateOne({ _id, version: record.version }, { $set: fields })
        return matchedCount === 1 ? next : undefined
      }
      try {
        await collection.insertOne(next)
        return next
      } catch (error) {
        if (isDuplicateKey(error)) return undefined
        throw error
      }
    }

    /** Changes the document by compare-and-set: what is known is tried first, and read again when it is old. */
    async function change<T>(
      make: (record: QuotaRecord | undefined) => { result: T; change?: Pick<QuotaRecord, 'taken' | 'pausedUntil'> }
    ): Promise<T> {
      for (let tries = 1; ; tries++) {
        if (!known) {
          known = (await collection.findOne({ _id: id })) ?? undefined
          knownAtMs = clock.nowMs()
        }
        const { result, change } = make(known)
        if (!change) return result
        const written = await write(known, { ...change, expiresAt: new Date(clock.nowMs() + 10 * windowMs) })
        known = written
        knownAtMs = clock.nowMs()
        if (written || tries >= maxTries) return result
      }
    }

    async function refill(units: number, reserve: number): Promise<number> {
      if (isStale()) known = undefined
      let next = batch
      const waitMs = await change(record => {
        const nowMs = clock.nowMs()
        const taken = counted(record, nowMs)
        const used = sum(taken)
        const room = budget - reserve - used
        if (room < units) return { result: waitFor(taken, units - room, nowMs) }
        const most = Math.max(units, Math.floor(budget / batchesPerMinute))
        const validMs = used < budget / 4 ? calmMs : scarceMs
        next = { units: Math.min(most, room), used: 0, lastUsedMs: 0, validUntilMs: nowMs + validMs }
        const open = { by: owner, units: next.units, until: new Date(next.validUntilMs + windowMs) }
        return {
          result: 0,
          change: { taken: [...taken, open], pausedUntil: record?.pausedUntil ?? null }
        }
      })
      // The write failed, so nothing was taken: too many replicas at once.
      if (waitMs === 0 && !known) return 50
      if (waitMs === 0) batch = next
      return waitMs
    }

    return {
      left,
      has: (units, reserve) =>
        taking === undefined &&
        clock.nowMs() < batch.validUntilMs &&
        batch.used + units <= batch.units &&
        left() - units >= reserve,
      spend(units) {
        batch.used += units
        batch.lastUsedMs = clock.nowMs()
      },
      foresee(units, reserve) {
        const nowMs = clock.nowMs()
        if (isStale()) return 0
        const taken = counted(known, nowMs)
        const missing = units - (budget - reserve - sum(taken))
        return missing > 0 ? waitFor(taken, missing, nowMs) : 0
      },
      refill(units, reserve) {
        // Every account of this process asks for the project's units at once: one of them takes a batch for all.
        taking ??= refill(units, reserve).finally(() => {
          taking = undefined
        })
        return taking
      },
      async pause(untilMs) {
        await change(record => {
          if ((record?.pausedUntil?.getTime() ?? 0) >= untilMs) return { result: undefined }
          return { result: undefined, change: { taken: record?.taken ?? [], pausedUntil: new Date(untilMs) } }
        })
      },
      pausedUntilMs: () => known?.pausedUntil?.getTime() ?? 0
    }
  }
}

/** Milliseconds until `missing` units have left the minute. */
function waitFor(taken: Taken[], missing: number, nowMs: number): number {
  let freed = 0
  for (const { units, until } of taken.toSorted((one, other) => one.until.getTime() - other.until.getTime())) {
    freed += units
    if (freed >= missing) return Math.max(1, until.getTime() - nowMs)
  }
  return windowMs
}
