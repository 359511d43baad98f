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
  /** True where the index holds every document that such a filter finds. */
  readonly isImplied: Implied
  tuplesOf(doc: Doc): Tuples
  add(entry: Entry, tuples: Tuples): void
  remove(entry: Entry, tuples: Tuples): void
  /** Those whose leading fields have these keys; without any, all that are in the index. */
  find(prefix: readonly string[]): Iterable<Entry>
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

  function tuplesOf(doc: Doc): Tuples {
    if (!isIndexed(doc)) return []
    const keys = paths.map(path => keysAt(doc, path))
    if (spec.sparse && keys.every(list => list.length === 0)) return []
    for (const list of keys) if (list.length === 0) list.push(canonicalKey(null))
    if (keys.filter(list => list.length > 1).length > 1) throw new CommandError(171, `parallel arrays: ${fields}`)
    return keys.reduce<string[][]>((tuples, list) => tuples.flatMap(tuple => list.map(key => [...tuple, key])), [[]])
  }

  function add(entry: Entry, tuples: Tuples): void {
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
    for (const tuple of tuples) {
      for (const [i, level] of levels.entries()) {
        const key = tuple.slice(0, i + 1).join('|')
        const bucket = level.get(key)
        if (bucket instanceof Set) bucket.delete(entry)
        if (bucket === entry || (bucket instanceof Set && bucket.size === 0)) level.delete(key)
      }
    }
  }

  function find(prefix: readonly string[]): Iterable<Entry> {
    if (prefix.length === 0)
      return new Set([...(levels[0]?.values() ?? [])].flatMap(bucket => (bucket instanceof Set ? [...bucket] : bucket)))
    const bucket = levels[prefix.length - 1]?.get(prefix.join('|'))
    return bucket === undefined ? [] : bucket instanceof Set ? bucket : [bucket]
  }

  return { spec, isImplied: compileCondition(spec.partialFilterExpression ?? {}), tuplesOf, add, remove, find }
}

// An array may equal the whole field or one element, and a pattern matches many.
const isLookup = (value: unknown): boolean => !Array.isArray(value) && !(value instanceof RegExp)

/** The values a field must equal one of, for every field the filter pins down. Never too narrow, often not complete. */
function equalitiesOf(filter: Doc, into = new Map<string, unknown[]>()): Map<string, unknown[]> {
  for (const [path, operand] of Object.entries(filter)) {
    if (path === '$and' && Array.isArray(operand)) {
      for (const clause of operand) if (isDoc(clause)) equalitiesOf(clause, into)
    } else if (!path.startsWith('$') && !into.has(path)) {
      const values = !isOperatorDoc(operand) ? [operand] : '$eq' in operand ? [operand.$eq] : operand.$in
      if (Array.isArray(values) && values.every(isLookup)) into.set(path, values)
    }
  }
  return into
}

const findsSomething = ['$gt', '$gte', '$lt', '$lte']

type Implied = (filter: Doc, equalities: ReadonlyMap<string, unknown[]>) => boolean

/** Whether every document that a filter finds is sure to meet the condition of a partial index. */
function compileCondition(condition: Doc): Implied {
  const clauses = Object.entries(condition).map(([path, wanted]): Implied => {
    const meets = compileFilter({ value: wanted })
    return (filter, equalities) => {
      // What equals null may be missing too.
      const values = equalities.get(path)
      if (values) return values.every(value => meets({ value }) && (value !== null || meets({})))
      const asked = filter[path]
      if (!isOperatorDoc(asked)) return false
      if (isIdentical({ wanted }, { wanted: asked })) return true
      return isIdentical({ wanted }, { wanted: { $exists: true } }) && findsSomething.some(name => name in asked)
    }
  })
  return (filter, equalities) => clauses.every(isImplied => isImplied(filter, equalities))
}

const maxLookups = 1000

/** The keys to look up, as far as the filter has equalities for the index's leading fields; undefined: not served. */
function lookupsFor(
  { spec, isImplied }: Index,
  filter: Doc,
  equalities: ReadonlyMap<string, unknown[]>
): string[][] | undefined {
  const { key, sparse, partialFilterExpression: condition } = spec
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

/** The documents that can match, through the index with the longest run of equalities; undefined: scan all. */
export function findCandidates(
  filter: Doc,
  byId: ReadonlyMap<string, Entry>,
  indexes: Iterable<Index>
): Iterable<Entry> | undefined {
  const equalities = equalitiesOf(filter)
  const ids = equalities.get('_id')
  if (ids) return [...new Set(ids.map(canonicalKey))].map(key => byId.get(key)).filter(entry => entry !== undefined)
  if ([...equalities.values()].some(values => values.length === 0)) return [] // an empty $in
  let best: { index: Index; lookups: string[][]; depth: number } | undefined
  for (const index of indexes) {
    const lookups = lookupsFor(index, filter, equalities)
    const depth = lookups?.[0]?.length ?? -1
    if (lookups && depth > (best?.depth ?? -1)) best = { index, lookups, depth }
  }
  if (!best) return undefined
  const { index, lookups } = best
  if (lookups.length === 1) return index.find(lookups[0] as string[])
  return new Set(lookups.flatMap(lookup => [...index.find(lookup)]))
}
