import { type Collection, idIndexSpec } from './collection.ts'
import type { IndexSpec } from './collection-index.ts'
import { type Handler, type Handlers, readDoc, readDocs, readString, requireOptions } from './command.ts'
import { CommandError, unsupported } from './errors.ts'
import { compileFilter } from './filter.ts'
import { isIdentical } from './order.ts'
import { type Doc, isDoc, isOperatorDoc, isTruthy, maxDocumentBytes, toWholeNumber } from './values.ts'
import { maxMessageBytes } from './wire.ts'

// A standalone: the driver then neither retries by transaction number nor looks for other members. Without a
// topologyVersion it polls instead of asking for a stream of answers.
const hello: Handler = ({ command, connectionId, now }) => ({
  isWritablePrimary: true,
  ...('hello' in command ? {} : { ismaster: true }),
  ...(isTruthy(command.helloOk) ? { helloOk: true } : {}),
  maxBsonObjectSize: maxDocumentBytes,
  maxMessageSizeBytes: maxMessageBytes,
  maxWriteBatchSize: 100_000,
  localTime: now,
  logicalSessionTimeoutMinutes: 30,
  connectionId,
  minWireVersion: 0,
  maxWireVersion: 21,
  readOnly: false
})

const buildInfo: Handler = () => ({
  version: '7.0.0',
  versionArray: [7, 0, 0, 0],
  gitVersion: 'embedded in-memory stand-in',
  maxBsonObjectSize: maxDocumentBytes
})

const acknowledge: Handler = () => ({})

const listCollections: Handler = ({ command, db, store, cursors }) => {
  requireOptions('listCollections', command, ['filter', 'nameOnly', 'authorizedCollections', 'cursor'])
  const all = [...(store.data.get(db)?.keys() ?? [])].map(name => ({ name, type: 'collection' }))
  return {
    cursor: cursors.open(`${db}.$cmd.listCollections`, all.filter(compileFilter(readDoc(command, 'filter', {}))))
  }
}

const drop: Handler = ({ command, db, store }) => {
  requireOptions('drop', command, [])
  store.data.get(db)?.delete(readString(command, 'drop'))
  return {}
}

const dropDatabase: Handler = ({ command, db, store }) => {
  requireOptions('dropDatabase', command, [])
  store.data.delete(db)
  return {}
}

const cannot = (what: string): CommandError => new CommandError(67, `Cannot create index: ${what}`)

const partialOperators = new Set(['$eq', '$gt', '$gte', '$lt', '$lte', '$in', '$exists'])
const otherPartialOperators = new Set(['$and', '$or', '$type'])

/** What mongod takes for a partial index (manual, "Partial Indexes"), and no more: no `$ne`, no `$exists: false`. */
function requirePartial(condition: Doc): void {
  for (const [path, operand] of Object.entries(condition)) {
    const operators: Doc = isOperatorDoc(operand) ? operand : {}
    const other = [path, ...Object.keys(operators)].find(name => name.startsWith('$') && !partialOperators.has(name))
    if (other && otherPartialOperators.has(other)) throw unsupported(`${other} in partialFilterExpression`)
    if (other || operand instanceof RegExp || ('$exists' in operators && !isTruthy(operators.$exists))) {
      throw cannot(`${other ?? JSON.stringify(condition)} in partialFilterExpression`)
    }
  }
  compileFilter(condition)
}

function parseIndex(given: Doc): IndexSpec {
  const allowed = [
    'key',
    'name',
    'unique',
    'sparse',
    'partialFilterExpression',
    'expireAfterSeconds',
    'background',
    'v'
  ]
  requireOptions('createIndexes', given, allowed)
  const key = readDoc(given, 'key')
  const fields = Object.keys(key)
  if (fields.length === 0) throw cannot('no keys')
  for (const field of fields) {
    const direction = toWholeNumber(key[field])
    if (direction !== 1 && direction !== -1) throw unsupported(`index of kind ${key[field]} on '${field}'`)
    if (field === '' || field.includes('$')) throw cannot(`key '${field}'`)
  }
  const spec: IndexSpec = {
    name: readString(given, 'name'),
    key,
    unique: isTruthy(given.unique),
    sparse: isTruthy(given.sparse)
  }
  if (given.partialFilterExpression !== undefined) {
    const condition = readDoc(given, 'partialFilterExpression')
    if (spec.sparse) throw cannot('both partial and sparse')
    requirePartial(condition)
    spec.partialFilterExpression = condition
  }
  if (given.expireAfterSeconds !== undefined) {
    const seconds = toWholeNumber(given.expireAfterSeconds) ?? -1
    if (seconds < 0 || seconds > 0x7fffffff) throw cannot('expireAfterSeconds out of range')
    if (fields.length > 1 || fields[0] === '_id') throw cannot('TTL is for one field that is not _id')
    spec.expireAfterSeconds = seconds
  }
  return spec
}

function describe({ name, key, unique, sparse, partialFilterExpression, expireAfterSeconds }: IndexSpec): Doc {
  return {
    v: 2,
    key,
    name,
    ...(unique && name !== idIndexSpec.name && { unique }),
    ...(sparse && { sparse }),
    ...(partialFilterExpression && { partialFilterExpression }),
    ...(expireAfterSeconds !== undefined && { expireAfterSeconds })
  }
}

const signature = ({ key, unique, sparse, partialFilterExpression = {} }: IndexSpec): Doc => {
  return { key, unique, sparse, partialFilterExpression }
}

/** True when the very same index is there already; throws 85 or 86 for a conflicting one. */
function isExisting(collection: Collection, spec: IndexSpec): boolean {
  if (isIdentical(spec.key, idIndexSpec.key)) return true
  const isAlike = (other: IndexSpec): boolean => isIdentical(signature(other), signature(spec))
  const named = collection.indexes.get(spec.name)?.spec
  if (named && !isAlike(named)) throw new CommandError(86, `Another index is called ${spec.name}`)
  if (named && named.expireAfterSeconds !== spec.expireAfterSeconds) {
    throw new CommandError(85, `The index ${spec.name} exists with different options`)
  }
  const alike = [...collection.indexes.values()].find(index => isAlike(index.spec))
  if (alike && !named) throw new CommandError(85, `Index already exists with a different name: ${alike.spec.name}`)
  return named !== undefined
}

const createIndexes: Handler = ({ command, db, store }) => {
  requireOptions('createIndexes', command, ['indexes'])
  const specs = readDocs(command, 'indexes').map(parseIndex)
  const collection = store.open(db, readString(command, 'createIndexes'))
  const numIndexesBefore = collection.indexes.size + 1
  const added: string[] = []
  try {
    for (const spec of specs) {
      if (isExisting(collection, spec)) continue
      collection.addIndex(spec)
      added.push(spec.name)
    }
  } catch (error) {
    for (const name of added) collection.dropIndex(name) // all of them or none
    throw error
  }
  return { numIndexesBefore, numIndexesAfter: collection.indexes.size + 1 }
}

const listIndexes: Handler = ({ command, db, store, cursors }) => {
  requireOptions('listIndexes', command, ['cursor'])
  const { ns, indexes } = store.require(db, readString(command, 'listIndexes'))
  const specs = [idIndexSpec, ...[...indexes.values()].map(({ spec }) => spec)]
  return { cursor: cursors.open(ns, specs.map(describe)) }
}

/** By name, or all of them by `*`. */
const dropIndexes: Handler = ({ command, db, store }) => {
  requireOptions('dropIndexes', command, ['index'])
  const { indexes, dropIndex } = store.require(db, readString(command, 'dropIndexes'))
  if (isDoc(command.index) || Array.isArray(command.index)) throw unsupported('dropIndexes, other than by one name')
  const name = readString(command, 'index')
  if (name === idIndexSpec.name) throw new CommandError(72, 'cannot drop _id index')
  if (name !== '*' && !indexes.has(name)) throw new CommandError(27, `index not found with name [${name}]`)
  const nIndexesWas = indexes.size + 1
  for (const wanted of name === '*' ? [...indexes.keys()] : [name]) dropIndex(wanted)
  return { nIndexesWas }
}

export const adminCommands: Handlers = {
  hello,
  isMaster: hello,
  ismaster: hello,
  ping: acknowledge,
  buildInfo,
  buildinfo: buildInfo,
  endSessions: acknowledge,
  listCollections,
  drop,
  dropDatabase,
  createIndexes,
  listIndexes,
  dropIndexes
}
