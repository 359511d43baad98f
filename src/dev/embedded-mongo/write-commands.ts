import type { Collection } from './collection.ts'
import type { Entry } from './collection-index.ts'
import type { Handler } from './commands.ts'
import { CommandError } from './errors.ts'
import { compileFilter } from './filter.ts'
import { readCount, readDoc, readDocs, readString, requireOptions } from './options.ts'
import { compileProjection } from './projection.ts'
import { sortBy } from './sort.ts'
import { compileUpdate, isReplacement, keepId } from './update.ts'
import { upsertDocument } from './upsert.ts'
import { type Doc, isTruthy } from './values.ts'

const batchOptions = ['ordered', 'bypassDocumentValidation']

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
  requireOptions('insert', command, ['insert', 'documents', ...batchOptions])
  const documents = readDocs(command, 'documents')
  const collection = store.open(db, readString(command, 'insert'))
  let n = 0
  const errors = runBatch(command, documents, document => {
    collection.insert(document)
    n++
  })
  return { n, ...errors }
}

function pickFirst(collection: Collection, filter: Doc, sort: Doc, now: Date): Entry | undefined {
  const matches = collection.match(filter, now)
  if (Object.keys(sort).length > 0) return sortBy(matches, sort, entry => entry.doc, 1)[0]
  return matches.next().value ?? undefined
}

const update: Handler = ({ command, db, store, now }) => {
  requireOptions('update', command, ['update', 'updates', ...batchOptions])
  const statements = readDocs(command, 'updates')
  const name = readString(command, 'update')
  let n = 0
  let nModified = 0
  const upserted: Doc[] = []
  const errors = runBatch(command, statements, (statement, index) => {
    requireOptions('update', statement, ['q', 'u', 'upsert', 'multi', 'hint', 'sort'])
    const filter = readDoc(statement, 'q')
    const isMulti = isTruthy(statement.multi)
    const apply = compileUpdate(statement.u, now)
    if (isMulti && isReplacement(statement.u)) {
      throw new CommandError(9, 'multi update is not supported for replacement-style update')
    }
    const collection = isTruthy(statement.upsert) ? store.open(db, name) : store.find(db, name)
    if (!collection) return void compileFilter(filter, now)
    const first = isMulti ? undefined : pickFirst(collection, filter, readDoc(statement, 'sort', {}), now)
    const matched = isMulti ? [...collection.match(filter, now)] : first ? [first] : []
    for (const entry of matched) {
      const isModified = collection.replace(entry, keepId(entry.doc, apply(entry.doc, false)))
      n++
      if (isModified) nModified++
    }
    if (matched.length > 0 || !isTruthy(statement.upsert)) return
    const inserted = collection.insert(upsertDocument(filter, statement.u, apply))
    n++
    upserted.push({ index, _id: inserted._id })
  })
  return { n, nModified, ...(upserted.length > 0 ? { upserted } : {}), ...errors }
}

const remove: Handler = ({ command, db, store, now }) => {
  requireOptions('delete', command, ['delete', 'deletes', ...batchOptions])
  const collection = store.find(db, readString(command, 'delete'))
  let n = 0
  const errors = runBatch(command, readDocs(command, 'deletes'), statement => {
    requireOptions('delete', statement, ['q', 'limit', 'hint'])
    const filter = readDoc(statement, 'q')
    const limit = readCount(statement, 'limit')
    if (limit !== 0 && limit !== 1) throw new CommandError(9, 'The limit field in delete objects must be 0 or 1')
    if (!collection) return void compileFilter(filter, now)
    const first = limit === 1 ? pickFirst(collection, filter, {}, now) : undefined
    for (const entry of limit === 1 ? (first ? [first] : []) : [...collection.match(filter, now)]) {
      collection.remove(entry)
      n++
    }
  })
  return { n, ...errors }
}

const findAndModifyOptions = [
  'query',
  'sort',
  'remove',
  'update',
  'new',
  'fields',
  'upsert',
  'hint',
  'bypassDocumentValidation'
]

const findAndModify: Handler = ({ command, db, store, now }) => {
  requireOptions('findAndModify', command, ['findAndModify', 'findandmodify', ...findAndModifyOptions])
  const name = readString(command, 'findAndModify' in command ? 'findAndModify' : 'findandmodify')
  const filter = readDoc(command, 'query', {})
  const isRemove = isTruthy(command.remove)
  const isUpsert = isTruthy(command.upsert)
  const isNew = isTruthy(command.new)
  if (isRemove === (command.update !== undefined))
    throw new CommandError(9, 'Either an update or remove=true must be specified')
  if (isRemove && (isUpsert || isNew))
    throw new CommandError(9, 'Cannot specify both upsert=true or new=true and remove=true')
  const project = compileProjection(readDoc(command, 'fields', {}), now)
  const apply = isRemove ? undefined : compileUpdate(command.update, now)
  const collection = isUpsert ? store.open(db, name) : store.find(db, name)
  if (!collection) compileFilter(filter, now)
  const entry = collection && pickFirst(collection, filter, readDoc(command, 'sort', {}), now)
  const before = entry?.doc
  if (collection && entry && before) {
    if (!apply) {
      collection.remove(entry)
      return { lastErrorObject: { n: 1 }, value: project(before) }
    }
    wrapDuplicate(() => collection.replace(entry, keepId(before, apply(before, false))))
    return { lastErrorObject: { n: 1, updatedExisting: true }, value: project(isNew ? entry.doc : before) }
  }
  if (!collection || !apply || !isUpsert) {
    return { lastErrorObject: isRemove ? { n: 0 } : { n: 0, updatedExisting: false }, value: null }
  }
  const inserted = wrapDuplicate(() => collection.insert(upsertDocument(filter, command.update, apply)))
  return {
    lastErrorObject: { n: 1, updatedExisting: false, upserted: inserted._id },
    value: isNew ? project(inserted) : null
  }
}

function wrapDuplicate<T>(write: () => T): T {
  try {
    return write()
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    throw new CommandError(
      error.code,
      `Plan executor error during findAndModify :: caused by :: ${error.message}`,
      error.details
    )
  }
}

export const writeCommands: Readonly<Record<string, Handler>> = {
  insert,
  update,
  delete: remove,
  findAndModify,
  findandmodify: findAndModify
}
