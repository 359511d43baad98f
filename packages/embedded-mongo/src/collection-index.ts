import { CommandError } from './errors.ts'
import { compileFilter } from './filter.ts'
import { canonicalKey, isIdentical } from './order.ts'
import { type Doc, isDoc, isOperatorDoc, leavesOf } from './values.ts'

export interface IndexSpec {
  name: string
  key: Doc
  unique: boolean
  sparse: boolean
  partialFilterExpression?: Doc
  expireAfterSeconds?: number
}

/** A stored document; updates replace `doc`, nothing ever changes inside it. */
export interface Entry {
  doc: Doc
  /** `doc` in BSON, once an update has asked for it. */
  bytes?: Uint8Array
  readonly idKey: string
}

/** One tuple of canonical keys per indexed combination; several for an array (multikey). */
export type Tuples = readonly (readonly string[])[]

export interface Index {
  readonly spec: IndexSpec
  /** What a document that is not indexed does not meet; undefined where all are. */
  readonly condition: Doc | undefined
  /** True where the index holds every document that such a filter finds. */
  readonly isImplied: Implied
  tuplesOf(doc: Doc): Tuples
  add(entry: Entry, tuples: Tuples): void
  remove(entry: Entry, tuples: Tuples): void
  /** Those whose leading fields have these keys; without any, all that are in the index. */
  find(prefix: readonly string[]): Iterable<Entry>
  /** How many those are. */
  count(prefix: readonly string[]): number
}

function keysAt(doc: Doc, path: readonly string[]): string[] {
  const keys = new Set<string>()
  for (const leaf of leavesOf(doc, path)) {
    if (leaf === undefined) continue
    for (const item of Array.isArray(leaf) && leaf.length > 0 ? leaf : [leaf]) keys.add(canonicalKey(item))
  }
  return [...keys]
}

export function createIndex(spec: IndexSpec): Index {
  const fields = Object.keys(spec.key)
  const paths = fields.map(field => field.split('.'))
  const isIndexed = compileFilter(spec.partialFilterExpression ?? {})
  // One map per length of prefix, so that equality on the leading fields alone is a lookup too. A lone entry is kept
  // without a Set around it: most keys are unique.
  const levels = fields.map(() => new Map<string, Entry | Set<Entry>>())
  let size = 0

  function tuplesOf(doc: Doc): Tuples {
    if (!isIndexed(doc)) return []
    const keys = paths.map(path => keysAt(doc, path))
    if (spec.sparse && keys.every(list => list.length === 0)) return []
    for (const list of keys) if (list.length === 0) list.push(canonicalKey(null))
    if (keys.filter(list => list.length > 1).length > 1) throw new CommandError(171, `parallel arrays: ${fields}`)
    return keys.reduce<string[][]>((tuples, list) => tuples.flatMap(tuple => list.map(key => [...tuple, key])), [[]])
  }

  function add(entry: Entry, tuples: Tuples): void {
    if (tuples.length > 0) size++
    for (const tuple of tuples) {
      for (const [i, level] of levels.entries()) {
        const key = tuple.slice(0, i + 1).join('|')
        const bucket = level.get(key)
        if (bucket === undefined) level.set(key, entry)
        else if (bucket instanceof Set) bucket.add(entry)
        else if (bucket !== entry) level.set(key, new Set([bucket, entry]))
      }
    }
  }

  function remove(entry: Entry, tuples: Tuples): void {
    if (tuples.length > 0) size--
    for (const tuple of tuples) {
      for (const [i, level] of levels.entries()) {
        const key = tuple.slice(0, i + 1).join('|')
        const bucket = level.get(key)
        if (bucket instanceof Set) bucket.delete(entry)
        if (bucket === entry || (bucket instanceof Set && bucket.size === 0)) level.delete(key)
      }
    }
  }

  const bucketOf = (prefix: readonly string[]) => levels[prefix.length - 1]?.get(prefix.join('|'))

  function find(prefix: readonly string[]): Iterable<Entry> {
    if (prefix.length === 0)
      return new Set([...(levels[0]?.values() ?? [])].flatMap(bucket => (bucket instanceof Set ? [...bucket] : bucket)))
    const bucket = bucketOf(prefix)
    return bucket === undefined ? [] : bucket instanceof Set ? bucket : [bucket]
  }

  function count(prefix: readonly string[]): number {
    if (prefix.length === 0) return size
    const bucket = bucketOf(prefix)
    return bucket instanceof Set ? bucket.size : bucket ? 1 : 0
  }

  // A sparse index of one field is a partial one of the documents that have it.
  const [field] = spec.sparse && fields.length === 1 ? fields : []
  const condition = field === undefined ? spec.partialFilterExpression : { [field]: { $exists: true } }
  return { spec, condition, isImplied: compileCondition(condition ?? {}), tuplesOf, add, remove, find, count }
}

// An array may equal the whole field or one element, and a pattern matches many.
const isLookup = (value: unknown): boolean => !Array.isArray(value) && !(value instanceof RegExp)

/** The values a field must equal one of, for every field the filter pins down. Never too narrow, often not complete. */
function equalitiesOf(filter: Doc): Map<string, unknown[]> {
  const equalities = new Map<string, unknown[]>()
  for (const [path, operand] of clausesOf(filter).flatMap(Object.entries)) {
    if (path.startsWith('$') || equalities.has(path)) continue
    const values = !isOperatorDoc(operand) ? [operand] : '$eq' in operand ? [operand.$eq] : operand.$in
    if (Array.isArray(values) && values.every(isLookup)) equalities.set(path, values)
  }
  return equalities
}

const findsSomething = ['$gt', '$gte', '$lt', '$lte']

/** The filter, and each that must hold beside it. */
function clausesOf(filter: Doc): Doc[] {
  const { $and } = filter
  return [filter, ...(Array.isArray($and) ? $and.filter(isDoc).flatMap(clausesOf) : [])]
}

type Implied = (filter: Doc, equalities: ReadonlyMap<string, unknown[]>) => boolean

/** Whether every document that a filter finds is sure to meet the condition of a partial index. */
function compileCondition(condition: Doc): Implied {
  const clauses = Object.entries(condition).map(([path, wanted]): Implied => {
    const meets = compileFilter({ value: wanted })
    return (filter, equalities) => {
      // What equals null may be missing too.
      const values = equalities.get(path)
      if (values) return values.every(value => meets({ value }) && (value !== null || meets({})))
      return clausesOf(filter).some(({ [path]: asked }) => {
        if (!isOperatorDoc(asked)) return false
        if (isIdentical({ wanted }, { wanted: asked })) return true
        return isIdentical({ wanted }, { wanted: { $exists: true } }) && findsSomething.some(name => name in asked)
      })
    }
  })
  return (filter, equalities) => clauses.every(isImplied => isImplied(filter, equalities))
}

const maxLookups = 1000

/** The keys to look up, as far as the filter has equalities for the index's leading fields; undefined: not served. */
function lookupsFor(
  { spec: { key, sparse }, condition, isImplied }: Index,
  filter: Doc,
  equalities: ReadonlyMap<string, unknown[]>
): string[][] | undefined {
  if (!isImplied(filter, equalities)) return undefined
  let prefixes: string[][] = [[]]
  for (const field of Object.keys(key)) {
    const values = equalities.get(field)
    // Null also means missing, which a sparse index leaves out and a path through an array has under another key.
    if (!values || (values.includes(null) && (sparse || field.includes('.')))) break
    if (prefixes.length * values.length > maxLookups) break
    const keys = [...new Set(values.map(canonicalKey))]
    prefixes = prefixes.flatMap(prefix => keys.map(next => [...prefix, next]))
  }
  return prefixes[0]?.length === 0 && !condition ? undefined : prefixes
}

/** The documents that can match, through the index that leaves the fewest; undefined: scan all. */
export function findCandidates(
  filter: Doc,
  byId: ReadonlyMap<string, Entry>,
  indexes: Iterable<Index>
): Iterable<Entry> | undefined {
  const equalities = equalitiesOf(filter)
  const ids = equalities.get('_id')
  if (ids) return [...new Set(ids.map(canonicalKey))].map(key => byId.get(key)).filter(entry => entry !== undefined)
  if ([...equalities.values()].some(values => values.length === 0)) return [] // an empty $in
  let best: { index: Index; lookups: string[][]; count: number } | undefined
  for (const index of indexes) {
    const lookups = lookupsFor(index, filter, equalities)
    const count = lookups?.reduce((sum, lookup) => sum + index.count(lookup), 0) ?? Number.POSITIVE_INFINITY
    if (lookups && count < (best?.count ?? Number.POSITIVE_INFINITY)) best = { index, lookups, count }
  }
  if (!best) return undefined
  const { index, lookups } = best
  if (lookups.length === 1) return index.find(lookups[0] as string[])
  return new Set(lookups.flatMap(lookup => [...index.find(lookup)]))
}
