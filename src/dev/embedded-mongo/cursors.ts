import { BSON } from 'mongodb'
import { CommandError } from './errors.ts'
import { type Doc, maxDocumentBytes } from './values.ts'

interface OpenCursor {
  ns: string
  docs: readonly Doc[]
  next: number
  usedAtMs: number
}

export interface Cursors {
  /** The `cursor` of a first answer; what does not fit stays open. */
  open(ns: string, docs: readonly Doc[], batchSize: number | undefined, isSingleBatch: boolean): Doc
  getMore(id: unknown, ns: string, batchSize: number | undefined): Doc
  kill(id: unknown): boolean
  /** Forgets cursors that nobody asked for in ten minutes, as mongod does. */
  sweepIdle(): void
}

const firstBatchSize = 101
const idleMs = 10 * 60 * 1000

export function createCursors(nowMs: () => number): Cursors {
  const cursors = new Map<string, OpenCursor>()
  let lastId = 0

  function take(cursor: OpenCursor, batchSize: number): Doc[] {
    const batch: Doc[] = []
    let bytes = 0
    while (batch.length < batchSize && cursor.next < cursor.docs.length) {
      const doc = cursor.docs[cursor.next] as Doc
      // A lone document always fits, so the common findOne need not be measured.
      if (cursor.docs.length > 1) bytes += BSON.calculateObjectSize(doc)
      if (bytes > maxDocumentBytes && batch.length > 0) break
      batch.push(doc)
      cursor.next++
    }
    return batch
  }

  function open(ns: string, docs: readonly Doc[], batchSize: number | undefined, isSingleBatch: boolean): Doc {
    const cursor: OpenCursor = { ns, docs, next: 0, usedAtMs: nowMs() }
    const firstBatch = take(cursor, batchSize ?? firstBatchSize)
    if (isSingleBatch || cursor.next >= docs.length) return { firstBatch, id: BSON.Long.ZERO, ns }
    const id = BSON.Long.fromNumber(++lastId)
    cursors.set(id.toString(), cursor)
    return { firstBatch, id, ns }
  }

  function getMore(id: unknown, ns: string, batchSize: number | undefined): Doc {
    const cursor = cursors.get(String(id))
    if (!cursor) throw new CommandError(43, `cursor id ${String(id)} not found`)
    if (cursor.ns !== ns) {
      throw new CommandError(
        13,
        `Requested getMore on namespace '${ns}', but cursor belongs to a different namespace ${cursor.ns}`
      )
    }
    cursor.usedAtMs = nowMs()
    const nextBatch = take(cursor, batchSize || Number.POSITIVE_INFINITY)
    const isDone = cursor.next >= cursor.docs.length
    if (isDone) cursors.delete(String(id))
    return { nextBatch, id: isDone ? BSON.Long.ZERO : id, ns }
  }

  function sweepIdle(): void {
    for (const [id, cursor] of cursors) if (cursor.usedAtMs + idleMs < nowMs()) cursors.delete(id)
  }

  return { open, getMore, kill: id => cursors.delete(String(id)), sweepIdle }
}
