import { BSON } from 'mongodb'
import { CommandError } from './errors.ts'
import { type Doc, maxDocumentBytes } from './values.ts'

export interface Cursors {
  /** The `cursor` of a first answer; what does not fit stays open. */
  open(ns: string, docs: Doc[], batchSize?: number, isSingleBatch?: boolean): Doc
  getMore(id: unknown, ns: string, batchSize?: number): Doc
  kill(id: unknown): boolean
}

const firstBatchSize = 101

export function createCursors(): Cursors {
  const cursors = new Map<string, { ns: string; docs: Doc[] }>()
  let lastId = 0

  /** As many as asked for and as one answer holds. */
  function take(docs: Doc[], batchSize: number): Doc[] {
    let bytes = 0
    const end = docs.findIndex((doc, i) => {
      bytes += BSON.calculateObjectSize(doc)
      return i >= batchSize || (i > 0 && bytes > maxDocumentBytes)
    })
    return docs.splice(0, end === -1 ? docs.length : end)
  }

  function open(ns: string, docs: Doc[], batchSize = firstBatchSize, isSingleBatch = false): Doc {
    const firstBatch = take(docs, batchSize)
    if (isSingleBatch || docs.length === 0) return { firstBatch, id: BSON.Long.ZERO, ns }
    const id = BSON.Long.fromNumber(++lastId)
    cursors.set(id.toString(), { ns, docs })
    return { firstBatch, id, ns }
  }

  function getMore(id: unknown, ns: string, batchSize = 0): Doc {
    const cursor = cursors.get(String(id))
    if (cursor?.ns !== ns) throw new CommandError(43, `cursor id ${String(id)} not found on ${ns}`)
    const nextBatch = take(cursor.docs, batchSize || Number.POSITIVE_INFINITY)
    if (cursor.docs.length > 0) return { nextBatch, id: BSON.Long.fromNumber(Number(id)), ns }
    cursors.delete(String(id))
    return { nextBatch, id: BSON.Long.ZERO, ns }
  }

  return { open, getMore, kill: id => cursors.delete(String(id)) }
}
