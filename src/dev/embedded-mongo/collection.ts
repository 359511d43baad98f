import { randomUUID } from 'node:crypto'
import { BSON } from 'mongodb'
import { createIndex, type Entry, type Index, type IndexSpec } from './collection-index.ts'
import { canonicalKey, isIdentical } from './compare.ts'
import { duplicateKey } from './duplicate-key.ts'
import { CommandError } from './errors.ts'
import { compileFilter } from './filter.ts'
import { findCandidates } from './planner.ts'
import { bsonType, type Doc, maxDocumentBytes, own } from './values.ts'

export interface Collection {
  readonly ns: string
  readonly uuid: string
  readonly entries: ReadonlyMap<string, Entry>
  readonly indexes: ReadonlyMap<string, Index>
  match(filter: Doc, now: Date): Generator<Entry, void, void>
  insert(doc: Doc): Doc
  replace(entry: Entry, doc: Doc): boolean
  remove(entry: Entry): void
  addIndex(spec: IndexSpec): void
  dropIndex(name: string): void
}

export const idIndexSpec: IndexSpec = { name: '_id_', key: { _id: 1 }, unique: true, sparse: false }

function requireSize(doc: Doc): void {
  const bytes = BSON.calculateObjectSize(doc)
  if (bytes <= maxDocumentBytes) return
  throw new CommandError(
    10334,
    `BSONObj size: ${bytes} (0x${bytes.toString(16)}) is invalid. Size must be between 0 and ${maxDocumentBytes}`
  )
}

function requireId(id: unknown): void {
  const type = bsonType(id)
  if (type === 'array' || type === 'regex') {
    throw new CommandError(53, `The '_id' value cannot be of type ${type}`)
  }
}

/** _id first, generated when absent, as mongod stores it. */
function withId(doc: Doc): Doc {
  const id = own(doc, '_id')
  if (id !== undefined && Object.keys(doc)[0] === '_id') return doc
  const { _id, ...rest } = doc
  return { _id: id === undefined ? new BSON.ObjectId() : id, ...rest }
}

/** Documents and indexes of one collection. Each call is one synchronous step: nothing can come between its parts. */
export function createCollection(ns: string): Collection {
  const entries = new Map<string, Entry>()
  const indexes = new Map<string, Index>()

  function* match(filter: Doc, now: Date): Generator<Entry, void, void> {
    const predicate = compileFilter(filter, now)
    for (const entry of findCandidates(filter, entries, indexes.values()) ?? entries.values()) {
      if (predicate(entry.doc)) yield entry
    }
  }

  function requireUnique(index: Index, doc: Doc, self: Entry | undefined) {
    const tuples = index.tuplesOf(doc)
    const conflict = index.conflictOf(tuples, self)
    if (conflict) throw duplicateKey(ns, index.spec.name, index.spec.key, doc, conflict.tuple)
    return tuples
  }

  function insert(given: Doc): Doc {
    const doc = withId(given)
    requireId(doc._id)
    requireSize(doc)
    const idKey = canonicalKey(doc._id)
    if (entries.has(idKey)) throw duplicateKey(ns, '_id_', { _id: 1 }, doc, [idKey])
    const entry: Entry = { doc, idKey }
    const additions = [...indexes.values()].map(index => [index, requireUnique(index, doc, undefined)] as const)
    entries.set(idKey, entry)
    for (const [index, tuples] of additions) index.add(entry, tuples)
    return doc
  }

  /** False when the new document is the old one to the byte: nothing was modified. */
  function replace(entry: Entry, doc: Doc): boolean {
    if (isIdentical(entry.doc, doc)) return false
    requireSize(doc)
    const changes = [...indexes.values()].map(index => {
      return [index, index.tuplesOf(entry.doc), requireUnique(index, doc, entry)] as const
    })
    for (const [index, before, after] of changes) {
      index.remove(entry, before)
      index.add(entry, after)
    }
    entry.doc = doc
    return true
  }

  function remove(entry: Entry): void {
    entries.delete(entry.idKey)
    for (const index of indexes.values()) index.remove(entry, index.tuplesOf(entry.doc))
  }

  function addIndex(spec: IndexSpec): void {
    const index = createIndex(spec)
    for (const entry of entries.values()) index.add(entry, requireUnique(index, entry.doc, entry))
    indexes.set(spec.name, index)
  }

  return {
    ns,
    uuid: randomUUID(),
    entries,
    indexes,
    match,
    insert,
    replace,
    remove,
    addIndex,
    dropIndex: name => indexes.delete(name)
  }
}
