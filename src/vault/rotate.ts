import { type FlowRecord, openFlow, sealFlow } from '../accounts/flows.ts'
import { type ConnectionRecord, openToken, sealToken } from '../connections/connection.ts'
import type { Collections } from '../database.ts'
import type { Vault } from './vault.ts'

export interface Progress {
  done: number
  total: number
}

const reportEvery = 50

/**
 * Seals everything anew under the ring's first key, while replicas serve. It looks for what another key sealed, so a run
 * that was killed goes on where it was; what is written meanwhile is never overwritten, and is found by the next round.
 */
export async function rotate(
  { connections, flows }: Pick<Collections, 'connections' | 'flows'>,
  vault: Vault,
  onProgress: (progress: Progress) => void
): Promise<{ resealed: number; unsealable: number }> {
  const [primary = ''] = vault.keyIds
  // The key's id stands first in every envelope, and holds nothing that a pattern would read.
  const other = { $regex: `^(?!${primary}\\.).` }
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
    } catch {
      failed.add(id)
    }
    if (resealed % reportEvery === 0) onProgress({ done: Math.min(resealed, total), total })
    return true
  }

  async function resealConnection(record: ConnectionRecord) {
    const { _id, accessToken, refreshToken } = record
    const anew = (field: 'accessToken' | 'refreshToken', envelope: string) =>
      sealToken(vault, record, field, openToken(vault, record, field, envelope))
    const fresh = {
      accessToken: accessToken && anew('accessToken', accessToken),
      refreshToken: refreshToken && anew('refreshToken', refreshToken)
    }
    return connections.updateOne({ _id, accessToken, refreshToken }, { $set: fresh })
  }

  async function resealFlow(flow: FlowRecord) {
    const { _id, sealed = '' } = flow
    return flows.updateOne({ _id, sealed }, { $set: { sealed: sealFlow(vault, flow, openFlow(vault, flow, sealed)) } })
  }

  for (let more = true; more; ) {
    more = false
    for await (const record of connections.find(staleConnections)) {
      if (await attempt(record._id.toHexString(), () => resealConnection(record))) more = true
    }
    for await (const flow of flows.find(staleFlows)) {
      if (await attempt(flow._id, () => resealFlow(flow))) more = true
    }
  }
  onProgress({ done: Math.min(resealed, total), total })
  return { resealed, unsealable: failed.size }
}
