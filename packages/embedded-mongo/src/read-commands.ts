import type { Collection } from './collection.ts'
import { type Handler, type Handlers, readCount, readDoc, readDocs, readString, requireOptions } from './command.ts'
import { unsupported } from './errors.ts'
import { compileFilter } from './filter.ts'
import { canonicalKey, isIdentical, sortBy } from './order.ts'
import { compileProjection } from './projection.ts'
import { type Doc, isTruthy, leavesOf } from './values.ts'

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
  const docs = project(found)
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

const distinct: Handler = ({ command, db, store }) => {
  requireOptions('distinct', command, ['key', 'query'])
  const path = readString(command, 'key').split('.')
  const docs = select(store.find(db, readString(command, 'distinct')), readDoc(command, 'query', {}))
  const values = docs.flatMap(doc => leavesOf(doc, path).flat()).filter(value => value !== undefined)
  return { values: [...new Map(values.map(value => [canonicalKey(value), value])).values()] }
}

const counting = { _id: 1, n: { $sum: 1 } }

/** The one pipeline it runs is that of the driver's `countDocuments`. */
const aggregate: Handler = ({ command, db, store, cursors }) => {
  requireOptions('aggregate', command, ['pipeline', 'cursor'])
  const stages = readDocs(command, 'pipeline', true)
  const given: Doc = Object.assign({}, ...stages)
  const names = ['$match', '$skip', '$limit', '$group'].filter(name => name in given)
  if (stages.flatMap(Object.keys).join() !== names.join() || !isIdentical(readDoc(given, '$group', {}), counting)) {
    throw unsupported('aggregation, other than to count documents')
  }
  const collection = store.find(db, readString(command, 'aggregate'))
  const filter = readDoc(given, '$match', {})
  const n = select(collection, filter, {}, readCount(given, '$skip'), readCount(given, '$limit')).length
  return { cursor: cursors.open(`${db}.${command.aggregate}`, n > 0 ? [{ _id: 1, n }] : []) }
}

export const readCommands: Handlers = { find, getMore, killCursors, count, aggregate, distinct }
