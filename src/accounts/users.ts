import { type Collection, type Filter, ObjectId } from 'mongodb'
import type { Clock } from '../clock.ts'
import { createBatchedFind } from '../database/batches.ts'
import type { CollectionOf } from '../database/database.ts'
import { isDuplicateKey } from '../database/errors.ts'
import { nextLook } from '../database/in-turn.ts'
import { isSameAddress, toComparableAddress, toComparableDomain } from '../email-address.ts'
import { GuichetError } from '../errors.ts'
import { createEvent, type EventRecord } from '../events/event.ts'
import type { EventList } from '../events/event-list.ts'
import { relayOutbox } from '../events/outbox.ts'
import type { Identity } from '../google/id-token.ts'

export interface UserRecord {
  _id: ObjectId
  /** With `sub`, the key of a user: never the e-mail address, which changes hands (OIDC Core 5.7). */
  issuer?: string
  sub?: string
  email: string | null
  name: string | null
  picture: string | null
  /** The host app's id of a user whom a ticket brought. */
  externalId?: string
  /** When the latest of the user's tickets was made; none in rows of earlier versions. */
  broughtAt?: Date
  /** Set once the user is erased: the record then stands for what is still to be erased, and its event. */
  erasedAt?: Date
  /** When what is left of an erased user is looked at next. */
  nextLookAt?: Date
  outbox?: EventRecord[]
  createdAt: Date
  lastSignInAt: Date
}

export const userCollection: CollectionOf<UserRecord> = {
  name: 'users',
  indexes: [
    // Sparse: a user whom a ticket brought, or who was erased, has neither.
    { key: { issuer: 1, sub: 1 }, unique: true, sparse: true },
    { key: { externalId: 1 }, unique: true, sparse: true },
    { key: { erasedAt: 1 }, sparse: true },
    { key: { 'outbox.id': 1 }, sparse: true }
  ]
}

/** As much of a ticket as its user needs. */
export interface Brought {
  externalId: string
  displayName: string | null
  createdAt: Date
}

export interface Users {
  find(id: ObjectId): Promise<UserRecord | null>
  /**
   * The user of that identity, made if new, with the profile as Google now says it.
   * @throws GuichetError `sign_in_not_allowed` before anything is written
   */
  signIn(identity: Identity): Promise<UserRecord>
  /** The host app's own user of that ticket, made if new: then `isNew`, for one of several callers at once. */
  forHostApp(ticket: Brought): Promise<{ user: UserRecord; isNew: boolean }>
  /** Removes a user who is new by a ticket that is void, unless one made after `voidedAt` has brought the same user since. */
  withdraw(user: UserRecord, voidedAt: Date): Promise<void>
  /** Deletes everything that identifies the user, and adds the event in the same write. */
  erase(id: ObjectId): Promise<void>
  /** Erased users of whom data may remain; each is given to one caller, and comes again after a pause. */
  takeErased(limit: number): Promise<UserRecord[]>
  /** Removes the record of an erased user, once its event is listed. */
  forget(id: ObjectId): Promise<void>
  /** Moves waiting events into the list: all of them, or one user's. */
  relayEvents(list: EventList, options?: { userId?: ObjectId; signal?: AbortSignal }): Promise<void>
}

/** An erasure under way is given this much before another looks after it. */
const leastPauseMs = 5_000

export function createUsers(options: {
  collection: Collection<UserRecord>
  clock: Clock
  signInAllow: readonly string[]
  /** Called after a write that left an event, so that it joins the list soon. */
  onEvent: () => void
}): Users {
  const { collection, clock, signInAllow, onEvent } = options

  async function upsert(
    key: Pick<UserRecord, 'issuer' | 'sub' | 'externalId'>,
    profile: Partial<UserRecord>,
    atFirst: Partial<UserRecord> = {},
    broughtAt?: Date
  ): Promise<{ user: UserRecord; isNew: boolean }> {
    const now = new Date(clock.nowMs())
    const _id = new ObjectId()
    const $setOnInsert = { _id, createdAt: now, ...atFirst }
    const update = { $set: { ...profile, lastSignInAt: now }, ...(broughtAt && { $max: { broughtAt } }), $setOnInsert }
    const write = () => collection.findOneAndUpdate(key, update, { upsert: true, returnDocument: 'after' })
    const first = await write().catch(error => {
      if (isDuplicateKey(error)) return null
      throw error
    })
    // Two first sign-ins at once: the other one inserted, this one finds it.
    const user = first ?? (await write())
    if (!user) throw new Error('an upsert returned nothing')
    return { user, isNew: user._id.equals(_id) }
  }

  return {
    find: createBatchedFind(collection, { erasedAt: { $exists: false } }),

    async signIn(identity) {
      if (!isAllowed(identity, signInAllow)) throw new GuichetError('sign_in_not_allowed')
      const { issuer, sub, email, name, picture } = identity
      return (await upsert({ issuer, sub }, { email, name, picture })).user
    },

    // A ticket without a name leaves the stored one.
    forHostApp: ({ externalId, displayName, createdAt: broughtAt }) =>
      displayName === null
        ? upsert({ externalId }, {}, { email: null, name: null, picture: null }, broughtAt)
        : upsert({ externalId }, { name: displayName }, { email: null, picture: null }, broughtAt),

    async withdraw({ _id }, voidedAt) {
      await collection.deleteOne({ _id, broughtAt: { $lte: voidedAt }, erasedAt: { $exists: false } })
    },

    async erase(id) {
      const erasedAt = new Date(clock.nowMs())
      const outbox = [createEvent('user.deleted', erasedAt, { user: { id: id.toHexString() } })]
      await collection.updateOne(
        { _id: id, erasedAt: { $exists: false } },
        {
          $set: { erasedAt, outbox, email: null, name: null, picture: null },
          $unset: { issuer: '', sub: '', externalId: '' }
        }
      )
      onEvent()
    },

    async takeErased(limit) {
      const now = new Date(clock.nowMs())
      const due = { $or: [{ nextLookAt: { $exists: false } }, { nextLookAt: { $lte: now } }] } as Filter<UserRecord>
      const found = await collection
        .find({ erasedAt: { $exists: true }, ...due })
        .sort({ erasedAt: 1 })
        .limit(limit)
        .toArray()
      const taken: UserRecord[] = []
      for (const user of found) {
        // Before any work, so that an erasure that cannot be finished is not the first one for ever.
        const nextLookAt = nextLook(user.erasedAt ?? now, now.getTime(), leastPauseMs)
        const { modifiedCount } = await collection.updateOne({ _id: user._id, ...due }, { $set: { nextLookAt } })
        if (modifiedCount > 0) taken.push(user)
      }
      return taken
    },

    async forget(id) {
      await collection.deleteOne({ _id: id, erasedAt: { $exists: true }, outbox: { $size: 0 } })
    },

    relayEvents: (list, { userId, signal } = {}) =>
      relayOutbox(collection, list, { ...(userId && { of: { _id: userId } }), ...(signal && { signal }) })
  }
}

/**
 * That an address was verified once says nothing of today: only Google's `hd` says that a domain's Workspace manages the
 * account now, and Google itself vouches for gmail.com. An unverified address identifies nobody.
 */
function isAllowed({ email, emailVerified, hostedDomain }: Identity, allow: readonly string[]): boolean {
  if (allow.length === 0) return true
  if (!emailVerified) return false
  const ofGmail = toComparableAddress(email)?.endsWith('@gmail.com') ? 'gmail.com' : undefined
  const domain = hostedDomain === null ? ofGmail : toComparableDomain(hostedDomain)
  return allow.some(entry =>
    entry.startsWith('@')
      ? domain !== undefined && toComparableDomain(entry.slice(1)) === domain
      : isSameAddress(entry, email)
  )
}
