import { BSON } from 'mongodb'
import type { Collection } from './collection.ts'
import {
  CommandError,
  type Handler,
  type Handlers,
  readCount,
  readDoc,
  readString,
  requireOptions,
  unsupported
} from './command.ts'
import { canonicalKey, isIdentical, sortBy } from './compare.ts'
import { compileFilter } from './filter.ts'
import { compileProjection } from './projection.ts'
import { type Doc, isDoc, isTruthy, leavesOf, maxDocumentBytes } from './values.ts'

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
    if (cursor.docs.length > 0) return { nextBatch, id, ns }
    cursors.delete(String(id))
    return { nextBatch, id: BSON.Long.ZERO, ns }
  }

  return { open, getMore, kill: id => cursors.delete(String(id)) }
}

/** Matching documents; stops early when there is no order to keep. The filter is checked even without a collection. */
function select(collection: Collection | undefined, filter: Doc, sort: Doc = {}, skip = 0, limit = 0): Doc[] {
  if (!collection) {
    compileFilter(filter)
    return []
  }
  const wanted = limit === 0 ? Number.POSITIVE_INFINITY : skip + limit
  const isSorted = Object.keys(sort).length > 0
  const found = isSorted ? sortBy(collection.match(filter), sort, wanted) : collection.match(filter, wanted)
  return Array.from(found, ({ doc }) => doc).slice(skip)
}

const find: Handler = ({ command, db, store, cursors }) => {
  const allowed = ['filter', 'projection', 'sort', 'skip', 'limit', 'batchSize', 'singleBatch']
  requireOptions('find', command, allowed)
  const collection = store.find(db, readString(command, 'find'))
  const project = compileProjection(readDoc(command, 'projection', {}))
  const sort = readDoc(command, 'sort', {})
  const found = select(
    collection,
    readDoc(command, 'filter', {}),
    sort,
    readCount(command, 'skip'),
    readCount(command, 'limit')
  )
  const ns = `${db}.${command.find}`
  const docs = found.map(project)
  return { cursor: cursors.open(ns, docs, readCount(command, 'batchSize'), isTruthy(command.singleBatch)) }
}

const getMore: Handler = ({ command, db, cursors }) => {
  requireOptions('getMore', command, ['collection', 'batchSize'])
  const ns = `${db}.${readString(command, 'collection')}`
  return { cursor: cursors.getMore(command.getMore, ns, readCount(command, 'batchSize')) }
}

const killCursors: Handler = ({ command, cursors }) => {
  requireOptions('killCursors', command, ['cursors'])
  const killed = (Array.isArray(command.cursors) ? command.cursors : []).filter(id => cursors.kill(id))
  return { cursorsKilled: killed, cursorsNotFound: [], cursorsAlive: [], cursorsUnknown: [] }
}

const count: Handler = ({ command, db, store }) => {
  requireOptions('count', command, ['query', 'limit', 'skip'])
  const collection = store.find(db, readString(command, 'count'))
  const filter = readDoc(command, 'query', {})
  return { n: select(collection, filter, {}, readCount(command, 'skip'), readCount(command, 'limit')).length }
}

/** Only what the driver's countDocuments sends. */
const aggregate: Handler = ({ command, db, store, cursors }) => {
  requireOptions('aggregate', command, ['pipeline', 'cursor'])
  const pipeline = Array.isArray(command.pipeline) ? command.pipeline.filter(isDoc) : []
  const stages: Doc = Object.assign({}, ...pipeline)
  const isCount = /^\$match(,\$skip)?(,\$limit)?,\$group$/.test(pipeline.map(Object.keys).join())
  if (!isCount || !isIdentical(readDoc(stages, '$group'), { _id: 1, n: { $sum: 1 } })) {
    throw unsupported('aggregate, other than by countDocuments')
  }
  const collection = store.find(db, readString(command, 'aggregate'))
  const limit = readCount(stages, '$limit')
  if (limit === 0) throw new CommandError(15958, 'the limit must be positive')
  const n = select(collection, readDoc(stages, '$match'), {}, readCount(stages, '$skip'), limit).length
  return { cursor: cursors.open(`${db}.${command.aggregate}`, n > 0 ? [{ _id: 1, n }] : []) }
}

const distinct: Handler = ({ command, db, store }) => {
  requireOptions('distinct', command, ['key', 'query'])
  const path = readString(command, 'key').split('.')
  const docs = select(store.find(db, readString(command, 'distinct')), readDoc(command, 'query', {}))
  const values = docs.flatMap(doc => leavesOf(doc, path).flat()).filter(value => value !== undefined)
  return { values: [...new Map(values.map(value => [canonicalKey(value), value])).values()] }
}

export const readCommands: Handlers = { find, getMore, killCursors, count, aggregate, distinct }
