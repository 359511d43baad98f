import { BSON } from 'mongodb'
import { CommandError } from './command.ts'
import { canonicalKey } from './compare.ts'
import { compileFilter, isOperatorDoc } from './filter.ts'
import { type Doc, isDoc, leavesOf } from './values.ts'

export interface IndexSpec {
  name: string
  key: Doc
  unique: boolean
  sparse: boolean
  /** Equalities alone: a query that states them all is one that the index can serve. */
  partialFilterExpression?: Doc
  expireAfterSeconds?: number
}

/** A stored document; updates replace `doc`, nothing ever changes inside it. */
export interface Entry {
  doc: Doc
  readonly idKey: string
}

/** One tuple of canonical keys per indexed combination; several for an array (multikey). */
type Tuples = readonly (readonly string[])[]

export interface Index {
  readonly spec: IndexSpec
  tuplesOf(doc: Doc): Tuples
  add(entry: Entry, tuples: Tuples): void
  remove(entry: Entry, tuples: Tuples): void
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
    const bucket = levels[prefix.length - 1]?.get(prefix.join('|'))
    return bucket === undefined ? [] : bucket instanceof Set ? bucket : [bucket]
  }

  return { spec, tuplesOf, add, remove, find }
}

/** The keys a field must equal one of, for every field the filter pins down. Never too narrow, often not complete. */
function equalitiesOf(filter: Doc, into = new Map<string, string[]>()): Map<string, string[]> {
  for (const [path, operand] of Object.entries(filter)) {
    if (path === '$and' && Array.isArray(operand)) {
      for (const clause of operand) if (isDoc(clause)) equalitiesOf(clause, into)
    } else if (!path.startsWith('$') && !into.has(path)) {
      const values = !isOperatorDoc(operand) ? [operand] : '$eq' in operand ? [operand.$eq] : operand.$in
      if (Array.isArray(values) && values.every(isLookup)) into.set(path, values.map(canonicalKey))
    }
  }
  return into
}

// An array may equal the whole field or one element, a pattern matches many, and null also means missing, which
// a path through an array of documents does not index under null alone.
const isLookup = (value: unknown): boolean =>
  value !== null && value !== undefined && !Array.isArray(value) && !(value instanceof BSON.BSONRegExp)

const maxLookups = 1000

function lookupsFor({ spec }: Index, equalities: ReadonlyMap<string, string[]>): string[][] {
  const isStated = ([path, value]: [string, unknown]): boolean => equalities.get(path)?.join() === canonicalKey(value)
  if (!Object.entries(spec.partialFilterExpression ?? {}).every(isStated)) return [[]]
  let prefixes: string[][] = [[]]
  for (const field of Object.keys(spec.key)) {
    const keys = equalities.get(field)
    if (!keys || prefixes.length * keys.length > maxLookups) break
    prefixes = prefixes.flatMap(prefix => keys.map(key => [...prefix, key]))
  }
  return prefixes
}

/** The documents that can match, through the index with the longest run of equalities; undefined: scan all. */
export function findCandidates(
  filter: Doc,
  byId: ReadonlyMap<string, Entry>,
  indexes: Iterable<Index>
): Iterable<Entry> | undefined {
  const equalities = equalitiesOf(filter)
  const ids = equalities.get('_id')
  if (ids) return [...new Set(ids)].map(key => byId.get(key)).filter(entry => entry !== undefined)
  if ([...equalities.values()].some(keys => keys.length === 0)) return [] // an empty $in
  let best: { index: Index; lookups: string[][]; depth: number } | undefined
  for (const index of indexes) {
    const lookups = lookupsFor(index, equalities)
    const depth = lookups[0]?.length ?? 0
    if (depth > (best?.depth ?? 0)) best = { index, lookups, depth }
  }
  if (!best) return undefined
  const { index, lookups } = best
  if (lookups.length === 1) return index.find(lookups[0] as string[])
  return new Set(lookups.flatMap(lookup => [...index.find(lookup)]))
}
