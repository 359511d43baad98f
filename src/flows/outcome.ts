import { setTimeout as delay } from 'node:timers/promises'
import type { Collection, ObjectId } from 'mongodb'
import type { Clock } from '../clock.ts'
import type { CollectionOf } from '../database/database.ts'
import { isDatabaseUnavailable } from '../database/errors.ts'
import { type ErrorCode, type ErrorDetails, GuichetError } from '../errors.ts'

/** The outcome of a used flow: the id of its user or connection, or its refusal. Never a token. */
export type FlowOutcome = { id: ObjectId } | { code: ErrorCode; details: Omit<ErrorDetails, 'cause' | 'status'> }

/** As much of a flow as its outcome needs. */
export interface EndedFlow {
  _id: string
  usedAt?: Date
  outcome?: FlowOutcome
  /** Grows while its callback runs. */
  beat?: number
}

export const outcomeCollection: CollectionOf<EndedFlow> = { name: 'flows', indexes: [] }

export interface Outcomes {
  /** Shows the other replicas that its callback runs; until the function it gives is called. */
  begin(flowId: string): () => void
  /** Notes it, for those who repeat the callback. */
  note(flowId: string, outcome: FlowOutcome): Promise<void>
  /**
   * What the same callback ended in, which came before and may still run.
   * @throws GuichetError what it was refused with; `flow_used` if it was long ago, or its process died
   */
  await(flowId: string): Promise<ObjectId>
}

/** For so long the same callback has the same answer: a browser reloads, a proxy repeats. */
const repeatableMs = 30_000
const beatMs = 500
/** A callback whose heartbeat has stopped for this long died with its process. */
const deadAfterMs = 4 * beatMs
const pollMs = 50

export function createOutcomes(options: { collection: Collection<EndedFlow>; clock: Clock }): Outcomes {
  const { collection, clock } = options
  return {
    begin(_id) {
      const beat = () => collection.updateOne({ _id }, { $inc: { beat: 1 } }).catch(() => {})
      const timer = setInterval(beat, beatMs).unref()
      return () => clearInterval(timer)
    },

    async note(_id, outcome) {
      await collection.updateOne({ _id }, { $set: { outcome } })
    },

    async await(_id) {
      let last: number | undefined
      let deadlineMs = 0
      for (;;) {
        const flow = await collection.findOne({ _id }, { projection: { usedAt: 1, outcome: 1, beat: 1 } })
        const ageMs = clock.nowMs() - (flow?.usedAt?.getTime() ?? 0)
        if (ageMs > repeatableMs) throw new GuichetError('flow_used')
        const { outcome, beat = 0 } = flow ?? {}
        if (outcome && 'id' in outcome) return outcome.id
        if (outcome) throw new GuichetError(outcome.code, outcome.details)
        if (beat !== last) deadlineMs = performance.now() + deadAfterMs
        last = beat
        if (performance.now() > deadlineMs) throw new GuichetError('flow_used')
        await delay(pollMs)
      }
    }
  }
}

export function toOutcome(error: unknown): FlowOutcome {
  if (error instanceof GuichetError) return { code: error.code, details: error.details }
  return { code: isDatabaseUnavailable(error) ? 'database_unavailable' : 'internal', details: {} }
}
