import { BSON } from 'mongodb'
import type { Entry, Index } from './collection-index.ts'
import { canonicalKey } from './compare.ts'
import { compileFilter, isOperatorDoc } from './filter.ts'
import { type Doc, isDoc } from './values.ts'

const maxLookups = 1000

/** The values a field must equal one of, for every field the filter pins down. Never too narrow, often not complete. */
export function equalitiesOf(filter: Doc, into = new Map<string, unknown[]>()): Map<string, unknown[]> {
  for (const key of Object.keys(filter)) {
    const operand = filter[key]
    if (key === '$and' && Array.isArray(operand)) {
      for (const clause of operand) if (isDoc(clause)) equalitiesOf(clause, into)
    } else if (!key.startsWith('$') && !into.has(key)) {
      const values = isOperatorDoc(operand)
        ? '$eq' in operand
          ? [operand.$eq]
          : Array.isArray(operand.$in)
            ? operand.$in
            : undefined
        : [operand]
      if (values?.every(isLookup)) into.set(key, values)
    }
  }
  return into
}

// An array may equal the whole field or one element, a pattern matches many, and null also means missing, which
// a path through an array of documents does not index under null alone.
const isLookup = (value: unknown): boolean =>
  value !== null && value !== undefined && !Array.isArray(value) && !(value instanceof BSON.BSONRegExp)

/** A partial index serves a filter whose equalities alone fulfil the index's condition. */
function isUsable(index: Index, equalities: ReadonlyMap<string, unknown[]>): boolean {
  const condition = index.spec.partialFilterExpression
  if (!condition) return true
  const known: Doc = {}
  for (const [path, values] of equalities) {
    if (values.length !== 1 || path.includes('.')) continue
    known[path] = values[0]
  }
  return Object.keys(condition).every(key => key in known) && compileFilter(condition, new Date(0))(known)
}

function lookupsFor(index: Index, equalities: ReadonlyMap<string, unknown[]>): string[][] {
  let prefixes: string[][] = [[]]
  for (const field of index.fields) {
    const keys = equalities.get(field)?.map(canonicalKey)
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
  if (equalities.size === 0) return undefined
  const ids = equalities.get('_id')
  if (ids) {
    const keys = new Set(ids.map(canonicalKey))
    return [...keys].map(key => byId.get(key)).filter(entry => entry !== undefined)
  }
  let best: { index: Index; lookups: string[][] } | undefined
  for (const index of indexes) {
    if (!isUsable(index, equalities)) continue
    const lookups = lookupsFor(index, equalities)
    const depth = lookups[0]?.length ?? 0
    if (lookups.length > 0 && depth > (best?.lookups[0]?.length ?? 0)) best = { index, lookups }
    if (lookups.length === 0) return []
  }
  if (!best) return undefined
  const { index, lookups } = best
  if (lookups.length === 1) return index.find(lookups[0] as string[])
  const found = new Set<Entry>()
  for (const lookup of lookups) for (const entry of index.find(lookup)) found.add(entry)
  return found
}
