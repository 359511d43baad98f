import { toWholeNumber } from './arithmetic.ts'
import { type Collection, idIndexSpec } from './collection.ts'
import type { IndexSpec } from './collection-index.ts'
import type { Handler } from './commands.ts'
import { isIdentical } from './compare.ts'
import { print } from './duplicate-key.ts'
import { CommandError, unsupported } from './errors.ts'
import { compileFilter, isOperatorDoc } from './filter.ts'
import { readDoc, readDocs, readString, requireOptions } from './options.ts'
import { type Doc, isDoc, isTruthy } from './values.ts'

const optionNames = [
  'key',
  'name',
  'unique',
  'sparse',
  'partialFilterExpression',
  'expireAfterSeconds',
  'background',
  'v'
]

const partialOperators = new Set(['$eq', '$gt', '$gte', '$lt', '$lte', '$in', '$type', '$exists'])

/** The server's own limits; without negations, an equality in a query can imply the condition. */
function requirePartial(condition: Doc): void {
  compileFilter(condition, new Date(0))
  for (const [key, operand] of Object.entries(condition)) {
    if ((key === '$and' || key === '$or') && Array.isArray(operand)) operand.forEach(requirePartial)
    else if (key.startsWith('$')) throw new CommandError(67, `Expression not supported in partial index: ${key}`)
    else if (isOperatorDoc(operand)) {
      const refused = Object.keys(operand).find(name => !partialOperators.has(name))
      if (refused || operand.$exists === false) {
        throw new CommandError(67, `Expression not supported in partial index: ${key} ${refused ?? '$exists: false'}`)
      }
    }
  }
}

function parseSpec(given: Doc): IndexSpec {
  requireOptions('createIndexes', given, optionNames)
  const key = readDoc(given, 'key')
  const fields = Object.keys(key)
  if (fields.length === 0) throw new CommandError(67, 'Index keys cannot be an empty document.')
  for (const field of fields) {
    const direction = toWholeNumber(key[field])
    if (direction !== 1 && direction !== -1) throw unsupported(`index of kind ${print(key[field])} on '${field}'`)
    if (field === '' || field.startsWith('$') || field.includes('$**'))
      throw new CommandError(67, `Bad index key pattern ${print(key)}`)
  }
  const spec: IndexSpec = {
    name: readString(given, 'name'),
    key,
    unique: isTruthy(given.unique),
    sparse: isTruthy(given.sparse)
  }
  if (isDoc(given.partialFilterExpression)) {
    requirePartial(given.partialFilterExpression)
    if (spec.sparse) throw new CommandError(67, 'cannot mix "partialFilterExpression" and "sparse" options')
    spec.partialFilterExpression = given.partialFilterExpression
  }
  if (given.expireAfterSeconds !== undefined) {
    const seconds = toWholeNumber(given.expireAfterSeconds)
    if (seconds === undefined || seconds < 0 || seconds > 0x7fffffff) {
      throw new CommandError(
        67,
        `TTL index 'expireAfterSeconds' option must be within an acceptable range, found ${print(given.expireAfterSeconds)}`
      )
    }
    if (fields.length > 1 || fields[0] === '_id') {
      throw new CommandError(67, 'TTL indexes are single-field indexes, compound indexes and _id do not support TTL')
    }
    spec.expireAfterSeconds = seconds
  }
  return spec
}

const signature = ({ key, unique, sparse, partialFilterExpression }: IndexSpec): Doc => ({
  key,
  unique,
  sparse,
  partialFilterExpression: partialFilterExpression ?? {}
})

/** True when the very same index is there already; 85 and 86 when another one stands in its way. */
function isExisting(collection: Collection, spec: IndexSpec): boolean {
  if (isIdentical(spec.key, { _id: 1 })) return true
  const named = collection.indexes.get(spec.name)?.spec
  const requested = `Requested index: ${print(describe(spec))}`
  if (named && !isIdentical(signature(named), signature(spec))) {
    throw new CommandError(
      86,
      `An existing index has the same name as the requested index. When index names are not specified, they are auto generated and can cause conflicts. Please refer to our documentation. ${requested}, existing index: ${print(describe(named))}`
    )
  }
  if (named) {
    if (named.expireAfterSeconds === spec.expireAfterSeconds) return true
    throw new CommandError(
      85,
      `An equivalent index already exists with the same name but different options. ${requested}, existing index: ${print(describe(named))}`
    )
  }
  for (const { spec: other } of collection.indexes.values()) {
    if (isIdentical(signature(other), signature(spec)))
      throw new CommandError(85, `Index already exists with a different name: ${other.name}`)
  }
  return false
}

function describe(spec: IndexSpec): Doc {
  return {
    v: 2,
    key: spec.key,
    name: spec.name,
    ...(spec.unique && spec.name !== '_id_' ? { unique: true } : {}),
    ...(spec.sparse ? { sparse: true } : {}),
    ...(spec.partialFilterExpression ? { partialFilterExpression: spec.partialFilterExpression } : {}),
    ...(spec.expireAfterSeconds === undefined ? {} : { expireAfterSeconds: spec.expireAfterSeconds })
  }
}

const createIndexes: Handler = ({ command, db, store }) => {
  requireOptions('createIndexes', command, ['createIndexes', 'indexes', 'commitQuorum'])
  const specs = readDocs(command, 'indexes').map(parseSpec)
  const name = readString(command, 'createIndexes')
  const createdCollectionAutomatically = store.find(db, name) === undefined
  const collection = store.open(db, name)
  const numIndexesBefore = collection.indexes.size + 1
  const added: string[] = []
  for (const spec of specs) {
    if (isExisting(collection, spec)) continue
    try {
      collection.addIndex(spec)
      added.push(spec.name)
    } catch (error) {
      for (const done of added) collection.dropIndex(done) // all of them or none
      if (!(error instanceof CommandError)) throw error
      throw new CommandError(
        error.code,
        `Index build failed: ${collection.uuid}: Collection ${collection.ns} :: caused by :: ${error.message}`,
        error.details
      )
    }
  }
  const numIndexesAfter = collection.indexes.size + 1
  const note = numIndexesAfter === numIndexesBefore ? { note: 'all indexes already exist' } : {}
  return { numIndexesBefore, numIndexesAfter, createdCollectionAutomatically, ...note }
}

const listIndexes: Handler = ({ command, db, store, cursors }) => {
  requireOptions('listIndexes', command, ['listIndexes', 'cursor'])
  const collection = store.require(db, readString(command, 'listIndexes'))
  const specs = [idIndexSpec, ...[...collection.indexes.values()].map(index => index.spec)]
  return { cursor: cursors.open(collection.ns, specs.map(describe), undefined, false) }
}

const dropIndexes: Handler = ({ command, db, store }) => {
  requireOptions('dropIndexes', command, ['dropIndexes', 'index'])
  const collection = store.require(db, readString(command, 'dropIndexes'))
  const nIndexesWas = collection.indexes.size + 1
  const { index } = command
  const wanted = Array.isArray(index) ? index : index === '*' ? [...collection.indexes.keys()] : [index]
  const names = wanted.map(item => {
    const found = [...collection.indexes.values()].find(
      ({ spec }) => spec.name === item || (isDoc(item) && isIdentical(spec.key, item))
    )
    if (item === '_id_' || (isDoc(item) && isIdentical(item, { _id: 1 })))
      throw new CommandError(72, 'cannot drop _id index')
    if (!found)
      throw new CommandError(
        27,
        isDoc(item) ? `can't find index with key: ${print(item)}` : `index not found with name [${String(item)}]`
      )
    return found.spec.name
  })
  for (const name of names) collection.dropIndex(name)
  return { nIndexesWas }
}

export const indexCommands: Readonly<Record<string, Handler>> = { createIndexes, listIndexes, dropIndexes }
