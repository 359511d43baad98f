import { randomUUID } from 'node:crypto'
import { findService } from '../catalogue.ts'

export type EventType =
  | 'connection.connected'
  | 'connection.partial'
  | 'connection.needs_reconnect'
  | 'connection.recovered'
  | 'connection.disconnected'
  | 'connection.expiring'
  | 'user.deleted'
  | 'gmail.message_received'
  | 'gmail.message_sent'
  | 'gmail.message_changed'
  | 'gmail.message_deleted'
  | 'gmail.resync'
  | 'gmail.watch_lapsed'
  | 'gmail.watch_restored'

/** Something that happened, as it waits in the record that it happened to. */
export interface EventRecord {
  id: string
  type: EventType
  createdAt: Date
  /** Public views alone: no token is in an event. */
  data: object
}

/** An event in the list, under its number. */
export interface ListedEvent extends EventRecord {
  _id: number
  /** How its delivery stands; none where no webhook was configured when it joined the list. */
  delivery: { attempts: number; nextAttemptAt: Date; owner: string | null } | null
  deliveredAt: Date | null
  /** Given up after the last attempt, or refused for good by the receiver. */
  parkedAt: Date | null
}

export function createEvent(type: EventType, createdAt: Date, data: object): EventRecord {
  return { id: `evt_${randomUUID()}`, type, createdAt, data }
}

/** The service that an event is about; undefined for events about a user. */
export function serviceOfEvent({ type, data }: Pick<EventRecord, 'type' | 'data'>): string | undefined {
  const { connection } = data as { connection?: { service: string } }
  return connection?.service ?? findService(type.split('.', 1)[0] ?? '')?.id
}
