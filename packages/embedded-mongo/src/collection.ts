import { BSON } from 'mongodb'
import { createIndex, type Entry, findCandidates, type Index, type IndexSpec, type Tuples } from './collection-index.ts'
import { CommandError } from './errors.ts'
import { compileFilter } from './filter.ts'
import { canonicalKey } from './order.ts'
import { type Doc, encode, leavesOf, maxDocumentBytes, own } from './values.ts'

export interface Collection {
  readonly ns: string
  readonly entries: ReadonlyMap<string, Entry>
  readonly indexes: ReadonlyMap<string, Index>
  match(filter: Doc, limit?: number): Generator<Entry, void, void>
  insert(doc: Doc): Doc
  /** False when the new document is the old one to the byte: nothing was modified. */
  replace(entry: Entry, doc: Doc): boolean
  remove(entry: Entry): void
  addIndex(spec: IndexSpec): void
  dropIndex(name: string): void
}

export const idIndexSpec: IndexSpec = { name: '_id_', key: { _id: 1 }, unique: true, sparse: false }

function requireSize(bytes: number): void {
  if (bytes > maxDocumentBytes) throw new CommandError(10334, `BSONObj size: ${bytes} is past ${maxDocumentBytes}`)
}

const isSame = (one: Tuples, other: Tuples): boolean =>
  one.length === other.length && one.every((tuple, i) => tuple.every((key, j) => key === other[i]?.[j]))

/** `keyPattern` and `keyValue` are what drivers and callers read from it. */
function duplicateKey(ns: string, { name, key: keyPattern }: IndexSpec, doc: Doc, tuple: readonly string[]) {
  const keyValue: Doc = {}
  for (const [i, field] of Object.keys(keyPattern).entries()) {
    const leaves = leavesOf(doc, field.split('.')).flat()
    keyValue[field] = leaves.find(leaf => canonicalKey(leaf) === tuple[i]) ?? null
  }
  const shown = BSON.EJSON.stringify(keyValue)
  const message = `E11000 duplicate key error collection: ${ns} index: ${name} dup key: ${shown}`
  return new CommandError(11000, message, { keyPattern, keyValue })
}

/** Documents and indexes of one collection. Each call is one synchronous step: nothing can come between its parts. */
function createCollection(ns: string): Collection {
  const entries = new Map<string, Entry>()
  const indexes = new Map<string, Index>()

  function* match(filter: Doc, limit = Number.POSITIVE_INFINITY): Generator<Entry, void, void> {
    const predicate = compileFilter(filter)
    let left = limit
    for (const entry of findCandidates(filter, entries, indexes.values()) ?? entries.values()) {
      if (!predicate(entry.doc)) continue
      yield entry
      if (--left === 0) return
    }
  }

  function requireUnique(index: Index, doc: Doc, self: Entry | undefined) {
    const tuples = index.tuplesOf(doc)
    for (const tuple of index.spec.unique ? tuples : []) {
      for (const other of index.find(tuple)) if (other !== self) throw duplicateKey(ns, index.spec, doc, tuple)
    }
    return tuples
  }

  function insert({ _id = new BSON.ObjectId(), ...fields }: Doc): Doc {
    const doc = { _id, ...fields } // first, as mongod stores it
    requireSize(BSON.calculateObjectSize(doc))
    if (Array.isArray(_id)) throw new CommandError(53, "The '_id' value cannot be of type array")
    const idKey = canonicalKey(_id)
    if (entries.has(idKey)) throw duplicateKey(ns, idIndexSpec, doc, [idKey])
    const entry: Entry = { doc, idKey }
    const additions = [...indexes.values()].map(index => [index, requireUnique(index, doc, undefined)] as const)
    entries.set(idKey, entry)
    for (const [index, tuples] of additions) index.add(entry, tuples)
    return doc
  }

  function replace(entry: Entry, given: Doc): boolean {
    const { _id } = entry.doc
    const doc = Object.hasOwn(given, '_id') ? given : { _id, ...given }
    if (canonicalKey(_id) !== canonicalKey(own(doc, '_id'))) {
      throw new CommandError(66, "an update would modify the immutable field '_id'")
    }
    const bytes = encode(doc)
    entry.bytes ??= encode(entry.doc)
    if (Buffer.compare(entry.bytes, bytes) === 0) return false
    requireSize(bytes.length)
    const changes = [...indexes.values()].map(index => {
      return [index, index.tuplesOf(entry.doc), requireUnique(index, doc, entry)] as const
    })
    for (const [index, before, after] of changes) {
      if (isSame(before, after)) continue
      index.remove(entry, before)
      index.add(entry, after)
    }
    entry.doc = doc
    entry.bytes = bytes
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

  return { ns, entries, indexes, match, insert, replace, remove, addIndex, dropIndex: name => indexes.delete(name) }
}

/** Databases by name, collections by name: what a restart may take over from the server before it. */
export type EmbeddedMongoData = Map<string, Map<string, Collection>>

export interface Store {
  readonly data: EmbeddedMongoData
  find(db: string, name: string): Collection | undefined
  require(db: string, name: string): Collection
  /** Made on first write, as mongod does. */
  open(db: string, name: string): Collection
}

export function createStore(data: EmbeddedMongoData): Store {
  const find = (db: string, name: string): Collection | undefined => data.get(db)?.get(name)

  function requireCollection(db: string, name: string): Collection {
    const found = find(db, name)
    if (!found) throw new CommandError(26, `ns does not exist: ${db}.${name}`)
    return found
  }

  function open(db: string, name: string): Collection {
    const found = find(db, name)
    if (found) return found
    if (name === '' || /[$\0]/.test(name)) throw new CommandError(73, `Invalid namespace specified '${db}.${name}'`)
    const created = createCollection(`${db}.${name}`)
    const collections = data.get(db) ?? new Map<string, Collection>()
    data.set(db, collections.set(name, created))
    return created
  }

  return { data, find, require: requireCollection, open }
}

/** A document without a date never expires; of several dates the earliest counts. */
function isExpired(doc: Doc, { spec, tuplesOf }: Index, nowMs: number): boolean {
  const { key, expireAfterSeconds } = spec
  if (expireAfterSeconds === undefined || tuplesOf(doc).length === 0) return false
  const values = leavesOf(doc, Object.keys(key).join().split('.')).flat()
  return values.some(value => value instanceof Date && value.getTime() + expireAfterSeconds * 1000 <= nowMs)
}

/** Deletes what TTL indexes declare expired; returns how many documents went. */
export function sweepExpired(data: EmbeddedMongoData, nowMs: number): number {
  let removed = 0
  for (const collection of [...data.values()].flatMap(collections => [...collections.values()])) {
    const indexes = [...collection.indexes.values()].filter(({ spec }) => spec.expireAfterSeconds !== undefined)
    if (indexes.length === 0) continue
    for (const entry of [...collection.entries.values()]) {
      if (!indexes.some(index => isExpired(entry.doc, index, nowMs))) continue
      collection.remove(entry)
      removed++
    }
  }
  return removed
}
