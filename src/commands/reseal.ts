import { type ConnectionRecord, openToken, sealToken } from '../connections/record.ts'
import { connectionCollection } from '../connections/repository.ts'
import type { Database } from '../database/database.ts'
import { hasCode } from '../errors.ts'
import { type FlowRecord, flowCollection, openFlow, sealFlow } from '../flows/flows.ts'
import type { Vault } from '../vault/vault.ts'

export interface Progress {
  done: number
  total: number
}

export interface Rotated {
  resealed: number
  /** Records that open with no key of the ring. */
  unsealable: number
  /** Records that another key, or an earlier version, went on sealing: a replica runs whose ring does not begin with the first key. */
  sealedMeanwhile: number
}

const reportEvery = 50
/** The next round finds what was written during one; once every replica has the new ring, the third finds nothing. */
const maxRounds = 5

/**
 * Seals everything again under the ring's first key, while replicas serve. It looks for what is sealed otherwise, so a run
 * that was killed goes on where it was; what is written meanwhile is never overwritten, and is found by the next round.
 */
export async function rotate(
  database: Database,
  vault: Vault,
  onProgress: (progress: Progress) => void
): Promise<Rotated> {
  const connections = database.collection(connectionCollection)
  const flows = database.collection(flowCollection)
  // Version and key id stand first in every envelope, and hold nothing else that a pattern would read.
  const other = { $regex: `^(?!${vault.prefix.replaceAll('.', '\\.')}).` }
  const staleConnections = { $or: [{ refreshToken: other }, { accessToken: other }] }
  const staleFlows = { sealed: other }
  const total = (await connections.countDocuments(staleConnections)) + (await flows.countDocuments(staleFlows))
  const failed = new Set<string>()
  let resealed = 0

  /** False if the record was done with before, or does not open; true if there may be more to do. */
  async function attempt(id: string, reseal: () => Promise<{ modifiedCount: number }>): Promise<boolean> {
    if (failed.has(id)) return false
    try {
      resealed += (await reseal()).modifiedCount
    } catch (error) {
      if (!hasCode(error, 'unsealable')) throw error
      failed.add(id)
    }
    if (resealed % reportEvery === 0) onProgress({ done: Math.min(resealed, total), total })
    return true
  }

  async function resealConnection(record: ConnectionRecord) {
    const { _id, accessToken, refreshToken } = record
    const reseal = (field: 'accessToken' | 'refreshToken', envelope: string) =>
      sealToken(vault, record, field, openToken(vault, record, field, envelope))
    const fresh = {
      accessToken: accessToken && reseal('accessToken', accessToken),
      refreshToken: refreshToken && reseal('refreshToken', refreshToken)
    }
    return connections.updateOne({ _id, accessToken, refreshToken }, { $set: fresh })
  }

  async function resealFlow(flow: FlowRecord) {
    const { _id, sealed = '' } = flow
    return flows.updateOne({ _id, sealed }, { $set: { sealed: sealFlow(vault, flow, openFlow(vault, flow, sealed)) } })
  }

  let more = true
  for (let round = 0; more && round < maxRounds; round++) {
    more = false
    for await (const record of connections.find(staleConnections)) {
      if (await attempt(record._id.toHexString(), () => resealConnection(record))) more = true
    }
    for await (const flow of flows.find(staleFlows)) {
      if (await attempt(flow._id, () => resealFlow(flow))) more = true
    }
  }
  onProgress({ done: Math.min(resealed, total), total })
  const left = (await connections.countDocuments(staleConnections)) + (await flows.countDocuments(staleFlows))
  return { resealed, unsealable: failed.size, sealedMeanwhile: Math.max(0, left - failed.size) }
}
