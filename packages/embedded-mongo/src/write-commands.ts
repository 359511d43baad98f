import type { Collection } from './collection.ts'
import type { Entry } from './collection-index.ts'
import { type Handler, type Handlers, readCount, readDoc, readDocs, readString, requireOptions } from './command.ts'
import { CommandError, failedToParse } from './errors.ts'
import { compileFilter } from './filter.ts'
import { sortBy } from './order.ts'
import { compileProjection } from './projection.ts'
import { compileUpdate, isReplacement, upsertDocument } from './update.ts'
import { type Doc, isTruthy } from './values.ts'

/** Runs the statements of a batch; an ordered one stops at its first error, an unordered one goes on. */
function runBatch(command: Doc, statements: readonly Doc[], run: (statement: Doc, index: number) => void): Doc {
  const writeErrors: Doc[] = []
  for (const [index, statement] of statements.entries()) {
    try {
      run(statement, index)
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      writeErrors.push({ index, code: error.code, ...error.details, errmsg: error.message })
      if (command.ordered !== false) break
    }
  }
  return writeErrors.length > 0 ? { writeErrors } : {}
}

const insert: Handler = ({ command, db, store }) => {
  requireOptions('insert', command, ['documents', 'ordered'])
  const documents = readDocs(command, 'documents')
  const collection = store.open(db, readString(command, 'insert'))
  let n = 0
  const errors = runBatch(command, documents, document => {
    collection.insert(document)
    n++
  })
  return { n, ...errors }
}

/** All that match, or the first; a list, so that changing them does not change the selection. */
function pick(collection: Collection | undefined, filter: Doc, isMulti: boolean, sort: Doc = {}): Entry[] {
  if (!collection) {
    compileFilter(filter)
    return []
  }
  if (Object.keys(sort).length > 0) return sortBy(collection.match(filter), sort, 1)
  return [...collection.match(filter, isMulti ? Number.POSITIVE_INFINITY : 1)]
}

const update: Handler = ({ command, db, store }) => {
  requireOptions('update', command, ['updates', 'ordered'])
  const statements = readDocs(command, 'updates')
  const name = readString(command, 'update')
  let n = 0
  let nModified = 0
  const upserted: Doc[] = []
  const errors = runBatch(command, statements, (statement, index) => {
    requireOptions('update', statement, ['q', 'u', 'upsert', 'multi'])
    const filter = readDoc(statement, 'q')
    const apply = compileUpdate(statement.u)
    const isMulti = isTruthy(statement.multi)
    if (isMulti && isReplacement(statement.u)) throw failedToParse('a replacement cannot be of many')
    const matched = pick(store.find(db, name), filter, isMulti)
    for (const entry of matched) {
      const isModified = store.require(db, name).replace(entry, apply(entry.doc, false))
      n++
      if (isModified) nModified++
    }
    if (matched.length > 0 || !isTruthy(statement.upsert)) return
    const { _id } = store.open(db, name).insert(upsertDocument(filter, statement.u, apply))
    n++
    upserted.push({ index, _id })
  })
  return { n, nModified, ...(upserted.length > 0 && { upserted }), ...errors }
}

const remove: Handler = ({ command, db, store }) => {
  requireOptions('delete', command, ['deletes', 'ordered'])
  const name = readString(command, 'delete')
  let n = 0
  const errors = runBatch(command, readDocs(command, 'deletes'), statement => {
    requireOptions('delete', statement, ['q', 'limit'])
    const limit = readCount(statement, 'limit')
    if (limit !== 0 && limit !== 1) throw failedToParse('The limit field in delete objects must be 0 or 1')
    for (const entry of pick(store.find(db, name), readDoc(statement, 'q'), limit === 0)) {
      store.require(db, name).remove(entry)
      n++
    }
  })
  return { n, ...errors }
}

const findAndModify: Handler = ({ command, db, store }) => {
  const allowed = ['query', 'sort', 'remove', 'update', 'new', 'fields', 'upsert']
  requireOptions('findAndModify', command, allowed)
  const name = readString(command, 'findAndModify')
  const filter = readDoc(command, 'query', {})
  const isRemove = isTruthy(command.remove)
  const isUpsert = isTruthy(command.upsert)
  const isNew = isTruthy(command.new)
  if (isRemove === (command.update !== undefined)) throw failedToParse('either an update or remove=true')
  if (isRemove && (isUpsert || isNew)) throw failedToParse('remove=true goes with neither upsert nor new')
  const projected = compileProjection(readDoc(command, 'fields', {}))
  const project = (doc: Doc) => projected([doc])[0]
  const apply = isRemove ? undefined : compileUpdate(command.update)
  const collection = isUpsert ? store.open(db, name) : store.find(db, name)
  const [entry] = pick(collection, filter, false, readDoc(command, 'sort', {}))
  if (collection && entry) {
    const before = entry.doc
    if (!apply) {
      collection.remove(entry)
      return { lastErrorObject: { n: 1 }, value: project(before) }
    }
    collection.replace(entry, apply(before, false))
    return { lastErrorObject: { n: 1, updatedExisting: true }, value: project(isNew ? entry.doc : before) }
  }
  if (!collection || !apply || !isUpsert) {
    return { lastErrorObject: { n: 0, ...(apply && { updatedExisting: false }) }, value: null }
  }
  const inserted = collection.insert(upsertDocument(filter, command.update, apply))
  const lastErrorObject = { n: 1, updatedExisting: false, upserted: inserted._id }
  return { lastErrorObject, value: isNew ? project(inserted) : null }
}

export const writeCommands: Handlers = { insert, update, delete: remove, findAndModify }
