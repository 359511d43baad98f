import type { Collection } from './collection.ts'
import { leavesOf } from './paths.ts'
import type { EmbeddedMongoData } from './store.ts'
import type { Doc } from './values.ts'

/** The earliest date at the path; what holds no date never expires. */
function earliestMs(doc: Doc, path: readonly string[]): number | undefined {
  const dates = leavesOf(doc, path)
    .flat()
    .filter(value => value instanceof Date)
  return dates.length > 0 ? Math.min(...dates.map(date => date.getTime())) : undefined
}

function sweep(collection: Collection, nowMs: number): number {
  let removed = 0
  for (const index of collection.indexes.values()) {
    const { expireAfterSeconds, key } = index.spec
    if (expireAfterSeconds === undefined) continue
    const path = (Object.keys(key)[0] as string).split('.')
    for (const entry of [...collection.entries.values()]) {
      const sinceMs = earliestMs(entry.doc, path)
      if (sinceMs === undefined || sinceMs + expireAfterSeconds * 1000 > nowMs) continue
      if (index.tuplesOf(entry.doc).length === 0) continue // outside a partial TTL index
      collection.remove(entry)
      removed++
    }
  }
  return removed
}

/** Deletes what TTL indexes declare expired; returns how many documents went. */
export function sweepExpired(data: EmbeddedMongoData, nowMs: number): number {
  let removed = 0
  for (const collections of data.values())
    for (const collection of collections.values()) removed += sweep(collection, nowMs)
  return removed
}
