import { compilePipeline } from './aggregate.ts'
import type { Collection } from './collection.ts'
import type { Handler, Request } from './commands.ts'
import { canonicalKey } from './compare.ts'
import { badValue, CommandError } from './errors.ts'
import { compileFilter } from './filter.ts'
import { readCount, readDoc, readString, requireOptions } from './options.ts'
import { leavesOf } from './paths.ts'
import { compileProjection } from './projection.ts'
import { sortBy } from './sort.ts'
import { stageOf } from './stages.ts'
import { type Doc, isDoc, isTruthy, own } from './values.ts'

const nothing: Doc = {}

/** Matching documents; stops early when there is no order to keep. The filter is checked even without a collection. */
export function select(
  collection: Collection | undefined,
  filter: Doc,
  sort: Doc,
  skip: number,
  limit: number,
  now: Date
): Doc[] {
  if (!collection) {
    compileFilter(filter, now)
    return []
  }
  const wanted = limit === 0 ? Number.POSITIVE_INFINITY : skip + limit
  const docs: Doc[] = []
  if (Object.keys(sort).length > 0) {
    docs.push(...sortBy(collection.match(filter, now), sort, entry => entry.doc, wanted).map(entry => entry.doc))
  } else {
    for (const { doc } of collection.match(filter, now)) {
      docs.push(doc)
      if (docs.length >= wanted) break
    }
  }
  return skip > 0 || docs.length > wanted ? docs.slice(skip, wanted) : docs
}

const find: Handler = ({ command, db, store, cursors, now }) => {
  requireOptions('find', command, [
    'find',
    'filter',
    'projection',
    'sort',
    'skip',
    'limit',
    'batchSize',
    'singleBatch',
    'hint',
    'allowDiskUse',
    'allowPartialResults',
    'noCursorTimeout'
  ])
  const name = readString(command, 'find')
  const project = compileProjection(readDoc(command, 'projection', nothing), now)
  const found = select(
    store.find(db, name),
    readDoc(command, 'filter', nothing),
    readDoc(command, 'sort', nothing),
    readCount(command, 'skip') ?? 0,
    readCount(command, 'limit') ?? 0,
    now
  )
  const isSingle = isTruthy(command.singleBatch)
  return { cursor: cursors.open(`${db}.${name}`, found.map(project), readCount(command, 'batchSize'), isSingle) }
}

const getMore: Handler = ({ command, db, cursors }) => {
  requireOptions('getMore', command, ['getMore', 'collection', 'batchSize'])
  const ns = `${db}.${readString(command, 'collection')}`
  return { cursor: cursors.getMore(command.getMore, ns, readCount(command, 'batchSize')) }
}

const killCursors: Handler = ({ command, cursors }) => {
  requireOptions('killCursors', command, ['killCursors', 'cursors'])
  const ids = Array.isArray(command.cursors) ? command.cursors : []
  const cursorsKilled: unknown[] = []
  const cursorsNotFound: unknown[] = []
  for (const id of ids) (cursors.kill(id) ? cursorsKilled : cursorsNotFound).push(id)
  return { cursorsKilled, cursorsNotFound, cursorsAlive: [], cursorsUnknown: [] }
}

const count: Handler = ({ command, db, store, now }) => {
  requireOptions('count', command, ['count', 'query', 'limit', 'skip', 'hint', 'fields'])
  const collection = store.find(db, readString(command, 'count'))
  const query = readDoc(command, 'query', nothing)
  const limit = readCount(command, 'limit') ?? 0
  const skip = readCount(command, 'skip') ?? 0
  return { n: select(collection, query, nothing, skip, limit, now).length }
}

const distinct: Handler = ({ command, db, store, now }) => {
  requireOptions('distinct', command, ['distinct', 'key', 'query', 'hint'])
  const path = readString(command, 'key').split('.')
  const docs = select(
    store.find(db, readString(command, 'distinct')),
    readDoc(command, 'query', nothing),
    nothing,
    0,
    0,
    now
  )
  const values = new Map<string, unknown>()
  for (const doc of docs) {
    for (const value of leavesOf(doc, path).flat()) if (value !== undefined) values.set(canonicalKey(value), value)
  }
  return { values: [...values.values()] }
}

function requirePipeline({ command }: Request): unknown[] {
  if (typeof command.aggregate !== 'string')
    throw new CommandError(238, 'aggregate on a whole database is not supported by the embedded stand-in')
  if (!Array.isArray(command.pipeline)) throw new CommandError(14, "'pipeline' option must be specified as an array")
  if (!isDoc(command.cursor))
    throw new CommandError(9, "The 'cursor' option is required, except for aggregate with the explain argument")
  return command.pipeline
}

const aggregate: Handler = request => {
  const { command, db, store, cursors, now } = request
  requireOptions('aggregate', command, [
    'aggregate',
    'pipeline',
    'cursor',
    'hint',
    'allowDiskUse',
    'bypassDocumentValidation'
  ])
  const pipeline = requirePipeline(request)
  const name = readString(command, 'aggregate')
  const run = compilePipeline(pipeline, now)
  const first = pipeline[0] === undefined ? undefined : stageOf(pipeline[0])
  const isMatch = first?.[0] === '$match' && isDoc(first[1])
  // The leading $match goes through the indexes; running it again in the pipeline changes nothing.
  const docs = select(store.find(db, name), isMatch ? (first[1] as Doc) : nothing, nothing, 0, 0, now)
  const batchSize = readCount(own(command, 'cursor') as Doc, 'batchSize')
  if (batchSize !== undefined && batchSize > 0x7fffffff) throw badValue('batchSize is too large')
  return { cursor: cursors.open(`${db}.${name}`, run(docs), batchSize, false) }
}

export const readCommands: Readonly<Record<string, Handler>> = {
  find,
  getMore,
  killCursors,
  count,
  distinct,
  aggregate
}
