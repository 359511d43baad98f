import type { Collection, ObjectId } from 'mongodb'
import type { Clock } from '../clock.ts'
import type { CollectionOf } from '../database/database.ts'
import { createSecret, hashSecret } from '../secrets.ts'

/** A one-use link by which a host app brings in a user of its own. */
export interface TicketRecord {
  /** SHA-256 of the ticket. */
  _id: string
  externalId: string
  displayName: string | null
  service: string | null
  connectionId: ObjectId | null
  returnTo: string | null
  /** The Google account that must be chosen, and no other. */
  expectedEmail: string | null
  /** The name of the backend key that made it: the app, as the page shows it. */
  app: string
  createdAt: Date
  expiresAt: Date
  usedAt?: Date
  /** SHA-256 of the secret of the page whose button used it. */
  usedBy?: string
}

export const ticketCollection: CollectionOf<TicketRecord> = {
  name: 'tickets',
  indexes: [{ key: { expiresAt: 1 }, expireAfterSeconds: 0 }, { key: { externalId: 1 } }]
}

/** Kept as long as a ticket that was made before its user was erased may be valid. */
export interface VoidedRecord {
  /** SHA-256 of the host app's id of the user. */
  _id: string
  voidedAt: Date
  expiresAt: Date
}

export const voidedCollection: CollectionOf<VoidedRecord> = {
  name: 'voidedTickets',
  indexes: [{ key: { expiresAt: 1 }, expireAfterSeconds: 0 }]
}

export type NewTicket = Omit<TicketRecord, '_id' | 'createdAt' | 'expiresAt' | 'usedAt' | 'usedBy'>

export interface Tickets {
  create(ticket: NewTicket): Promise<{ ticket: string; expiresAt: Date }>
  /** Reads the ticket without using it: link scanners and prefetching browsers open links too. */
  find(ticket: string): Promise<TicketRecord | null>
  /**
   * Takes the ticket, once. The button of the same page, pressed again within seconds, takes it as often as it is
   * pressed: each page has its own secret, `page`.
   */
  take(ticket: string, page?: string): Promise<TicketRecord | null>
  /** Voids the tickets of that user of the host app, also those just being used: an erased user must not come back. */
  voidFor(externalId: string): Promise<void>
  /** When it was voided, its user erased; null for a valid one. To be asked once the user it brings is stored. */
  voidedAt(ticket: Pick<TicketRecord, 'externalId' | 'createdAt'>): Promise<Date | null>
}

const lifeMs = 600_000
/** A double click comes within one second; a browser that tries a form again, within a few. */
const pressAgainMs = 30_000

export function createTickets(options: {
  collection: Collection<TicketRecord>
  voided: Collection<VoidedRecord>
  clock: Clock
}): Tickets {
  const { collection, voided, clock } = options
  const living = (ticket: string) => ({ _id: hashSecret(ticket), expiresAt: { $gt: new Date(clock.nowMs()) } })
  const unused = (ticket: string) => ({ ...living(ticket), usedAt: { $exists: false } })

  return {
    async create(record) {
      const ticket = createSecret()
      const createdAt = new Date(clock.nowMs())
      const expiresAt = new Date(createdAt.getTime() + lifeMs)
      await collection.insertOne({ _id: hashSecret(ticket), ...record, createdAt, expiresAt })
      return { ticket, expiresAt }
    },
    find: ticket => collection.findOne(unused(ticket)),
    async take(ticket, page) {
      const usedAt = new Date(clock.nowMs())
      const usedBy = page === undefined ? undefined : hashSecret(page)
      const taken = await collection.findOneAndUpdate(unused(ticket), { $set: { usedAt, ...(usedBy && { usedBy }) } })
      if (taken || !usedBy) return taken
      const since = new Date(usedAt.getTime() - pressAgainMs)
      return collection.findOne({ ...living(ticket), usedBy, usedAt: { $gt: since } })
    },
    async voidFor(externalId) {
      const voidedAt = new Date(clock.nowMs())
      const expiresAt = new Date(voidedAt.getTime() + lifeMs)
      await voided.updateOne({ _id: hashSecret(externalId) }, { $max: { voidedAt, expiresAt } }, { upsert: true })
      await collection.deleteMany({ externalId })
    },
    async voidedAt({ externalId, createdAt }) {
      const mark = await voided.findOne({ _id: hashSecret(externalId) })
      return mark !== null && createdAt <= mark.voidedAt ? mark.voidedAt : null
    }
  }
}
