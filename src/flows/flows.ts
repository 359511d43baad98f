import { createHash } from 'node:crypto'
import type { Collection, Filter, ObjectId } from 'mongodb'
import type { Clock } from '../clock.ts'
import { createBatchedInsert } from '../database/batches.ts'
import type { CollectionOf } from '../database/database.ts'
import { isDuplicateKey } from '../database/errors.ts'
import { GuichetError } from '../errors.ts'
import { createRecentlyUsed } from '../recently-used.ts'
import { createSecret, hashSecret } from '../secrets.ts'
import type { Vault } from '../vault/vault.ts'
import type { FlowOutcome } from './outcome.ts'

/** What a flow is for: its callback takes no flow of another purpose. */
export type FlowPurpose = 'sign-in' | 'connect'

export interface FlowRecord {
  /** SHA-256 of the state parameter. */
  _id: string
  purpose: FlowPurpose
  service: string | null
  /** The hash of the session that started it, and the user it was signed in as: both must be the same at the callback. */
  sessionId: string
  userId: ObjectId | null
  /** Nonce and PKCE verifier; gone once used. */
  sealed?: string
  returnTo: string | null
  /** The connection that is being repaired. */
  connectionId: ObjectId | null
  /** The Google account that must be chosen, where a ticket says so. */
  expectedEmail: string | null
  /** The session's flows are numbered from 1 on, whichever replica starts them; none in rows of earlier versions. */
  number?: number
  createdAt: Date
  expiresAt: Date
  usedAt?: Date
  /** The hash of the code that used it. */
  code?: string
  outcome?: FlowOutcome
}

/** What a flow will end in. */
export type FlowAim = Pick<FlowRecord, 'returnTo' | 'connectionId' | 'expectedEmail'>

/** Who holds a flow. */
export interface FlowHolder {
  purpose: FlowPurpose
  service: string | null
  sessionId: string
  userId: ObjectId | null
}

/** The sessions behind a callback: its own, and earlier ones of the same browser that may have started the flow. */
export interface FlowClaim extends Omit<FlowHolder, 'sessionId'> {
  sessionIds: readonly string[]
  /** Google's code; undefined if Google answered with an error. */
  code: string | undefined
}

export interface StartedFlow {
  state: string
  nonce: string
  /** S256 of the verifier (RFC 7636, section 4.2). */
  codeChallenge: string
  expiresAt: Date
}

export interface TakenFlow {
  /** Under which its outcome is noted. */
  id: string
  nonce: string
  codeVerifier: string
  returnTo: string | null
  connectionId: ObjectId | null
  expectedEmail: string | null
}

export interface Flows {
  start(flow: FlowHolder & FlowAim): Promise<StartedFlow>
  /**
   * Takes the flow of that state: once, by its holder, in time. Where the same code took it before, the id under
   * which its outcome is noted: the code shows that it is the same callback, and no guess of its state.
   * @throws GuichetError `flow_unknown`, `flow_expired`, `flow_used` or `flow_wrong_session`; a wrong holder uses nothing up
   */
  take(state: string, claim: FlowClaim): Promise<TakenFlow | { takenBefore: string }>
  /** Those sessions' flow of that state, and that user's where one is named, used or not: where its holder wants to be, whatever becomes of it. */
  findOwn(
    state: string,
    own: Pick<FlowClaim, 'sessionIds'> & { userId?: ObjectId | null }
  ): Promise<{ returnTo: string | null } | null>
  /** Those of that session that were taken: a callback still under way finds its flow gone, and repeats find nothing. */
  removeTaken(sessionId: string): Promise<void>
  /** Those of the user, and those that the user's sessions began before they knew whose they are. */
  removeOfUser(userId: ObjectId, sessionIds: readonly string[]): Promise<void>
}

/** How long a flow's row outlives its expiry, so that a late callback is told what happened. */
const afterlifeSeconds = 3600

export const flowCollection: CollectionOf<FlowRecord> = {
  name: 'flows',
  indexes: [
    { key: { expiresAt: 1 }, expireAfterSeconds: afterlifeSeconds },
    { key: { sessionId: 1, number: 1 }, unique: true, partialFilterExpression: { number: { $exists: true } } },
    { key: { userId: 1 } }
  ]
}

/** Open flows a session may hold; the oldest goes first. */
const maxOpenFlows = 50
/** The flow of every tenth number removes those that are too old, for ten at once. */
const startsBetweenPrunings = 10

export function createFlows(options: {
  collection: Collection<FlowRecord>
  vault: Vault
  clock: Clock
  ttlSeconds: number
}): Flows {
  const { collection, vault, clock, ttlSeconds } = options
  const insert = createNumberedInsert(collection)

  return {
    async start(flow) {
      const { sessionId } = flow
      const state = createSecret()
      const nonce = createSecret()
      const codeVerifier = createSecret()
      const _id = hashSecret(state)
      const createdAt = new Date(clock.nowMs())
      const expiresAt = new Date(createdAt.getTime() + ttlSeconds * 1000)
      const sealed = sealFlow(vault, { _id, sessionId }, JSON.stringify([nonce, codeVerifier]))
      const number = await insert({ _id, ...flow, sealed, createdAt, expiresAt })
      if (number % startsBetweenPrunings === 0)
        await collection.deleteMany({ sessionId, number: { $lte: number - maxOpenFlows + startsBetweenPrunings } })
      return { state, nonce, codeChallenge: createHash('sha256').update(codeVerifier).digest('base64url'), expiresAt }
    },

    async take(state, claim) {
      const { purpose, service, userId, sessionIds } = claim
      const _id = hashSecret(state)
      const code = claim.code === undefined ? {} : { code: hashSecret(claim.code) }
      const usedAt = new Date(clock.nowMs())
      const open: Filter<FlowRecord> = {
        _id,
        purpose,
        service,
        userId,
        sessionId: { $in: [...sessionIds] },
        usedAt: { $exists: false },
        expiresAt: { $gt: usedAt }
      }
      const flow = await collection.findOneAndUpdate(
        open,
        { $set: { usedAt, ...code }, $unset: { sealed: '' } },
        { returnDocument: 'before' }
      )
      if (!flow?.sealed) {
        const current = await collection.findOne({ _id })
        const refusal = toRefusal(current, claim)
        if (refusal === 'flow_used' && code.code && current?.code === code.code) return { takenBefore: _id }
        throw new GuichetError(refusal)
      }
      const [nonce, codeVerifier] = JSON.parse(openFlow(vault, flow, flow.sealed)) as [string, string]
      const { returnTo, connectionId, expectedEmail } = flow
      return { id: _id, nonce, codeVerifier, returnTo, connectionId, expectedEmail }
    },

    findOwn: (state, { sessionIds, ...user }) =>
      collection.findOne(
        { _id: hashSecret(state), sessionId: { $in: [...sessionIds] }, ...user },
        { projection: { returnTo: 1 } }
      ),

    async removeTaken(sessionId) {
      // With the number, as below.
      await collection.deleteMany({ sessionId, number: { $gt: 0 }, usedAt: { $exists: true } })
    },

    async removeOfUser(userId, sessionIds) {
      // With the number, for the index of the sessions' flows holds those alone that have one.
      const ofSessions = { sessionId: { $in: [...sessionIds] }, number: { $gt: 0 } }
      await collection.deleteMany({ $or: [{ userId }, ofSessions] })
    }
  }
}

type FlowIdentity = Pick<FlowRecord, '_id' | 'sessionId'>

const flowContext = ({ _id, sessionId }: FlowIdentity) => ({ owner: sessionId, record: _id, field: 'flow' })

export function sealFlow(vault: Vault, flow: FlowIdentity, secrets: string): string {
  return vault.seal(secrets, flowContext(flow))
}

/** @throws GuichetError `unsealable` */
export function openFlow(vault: Vault, flow: FlowIdentity, envelope: string): string {
  return vault.open(envelope, flowContext(flow))
}

/** Only names the reason; what decides is the update that took nothing. */
function toRefusal(
  flow: FlowRecord | null,
  claim: FlowClaim
): 'flow_unknown' | 'flow_wrong_session' | 'flow_used' | 'flow_expired' {
  if (!flow || flow.purpose !== claim.purpose || flow.service !== claim.service) return 'flow_unknown'
  if (!claim.sessionIds.includes(flow.sessionId) || String(flow.userId) !== String(claim.userId))
    return 'flow_wrong_session'
  return flow.usedAt ? 'flow_used' : 'flow_expired'
}

/**
 * Inserts a flow under its session's next number, and gives that number: counting the flows at each start would cost a
 * command. A process guesses the number from those it gave, and looks only where another replica was there first.
 */
function createNumberedInsert(collection: Collection<FlowRecord>): (flow: FlowRecord) => Promise<number> {
  const insert = createBatchedInsert(collection)
  // Of a session that is forgotten the next flow looks again.
  const numbers = createRecentlyUsed<string, number>(5_000)

  function give(sessionId: string, above = 0): number {
    const number = Math.max(numbers.get(sessionId) ?? 0, above) + 1
    numbers.set(sessionId, number)
    return number
  }

  return async flow => {
    const { sessionId } = flow
    for (let number = give(sessionId); ; ) {
      try {
        await insert({ ...flow, number })
        return number
      } catch (error) {
        if (!isDuplicateKey(error)) throw error
      }
      const [newest] = await collection
        .find({ sessionId, number: { $gte: number } }, { projection: { number: 1 } })
        .sort({ number: -1 })
        .limit(1)
        .toArray()
      number = give(sessionId, newest?.number)
    }
  }
}
