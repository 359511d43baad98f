import { canonicalKey } from './compare.ts'
import { CommandError } from './errors.ts'
import { compileFilter } from './filter.ts'
import { leavesOf } from './paths.ts'
import type { Doc } from './values.ts'

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
  readonly idKey: string
}

/** One tuple of canonical keys per indexed combination; several for an array (multikey). */
type Tuples = readonly (readonly string[])[]

export interface Index {
  readonly spec: IndexSpec
  readonly fields: readonly string[]
  tuplesOf(doc: Doc): Tuples
  /** Another document that already holds one of the tuples of a unique index. */
  conflictOf(tuples: Tuples, self: Entry | undefined): { tuple: readonly string[]; entry: Entry } | undefined
  add(entry: Entry, tuples: Tuples): void
  remove(entry: Entry, tuples: Tuples): void
  find(prefix: readonly string[]): Iterable<Entry>
}

function keysAt(doc: Doc, path: readonly string[], isSparse: boolean): string[] {
  const keys = new Set<string>()
  for (const leaf of leavesOf(doc, path)) {
    if (Array.isArray(leaf)) {
      for (const item of leaf) keys.add(canonicalKey(item))
      if (leaf.length === 0) keys.add('u')
    } else if (leaf !== undefined) {
      keys.add(canonicalKey(leaf))
    } else if (!isSparse) {
      keys.add('z')
    }
  }
  if (keys.size === 0 && !isSparse) keys.add('z')
  return [...keys]
}

export function createIndex(spec: IndexSpec): Index {
  const fields = Object.keys(spec.key)
  const paths = fields.map(field => field.split('.'))
  const isIndexed = spec.partialFilterExpression && compileFilter(spec.partialFilterExpression, new Date(0))
  // One map per length of prefix, so that equality on the leading fields alone is a lookup too. A lone entry is kept
  // without a Set around it: most keys are unique.
  const levels = fields.map(() => new Map<string, Entry | Set<Entry>>())

  function tuplesOf(doc: Doc): Tuples {
    if (isIndexed && !isIndexed(doc)) return []
    const keys = paths.map(path => keysAt(doc, path, spec.sparse))
    if (spec.sparse) {
      if (keys.every(list => list.length === 0)) return []
      for (const list of keys) if (list.length === 0) list.push('z')
    }
    const arrays = keys.filter(list => list.length > 1)
    if (arrays.length > 1) throw new CommandError(171, `cannot index parallel arrays [${fields.join('] [')}]`)
    return keys.reduce<string[][]>((tuples, list) => tuples.flatMap(tuple => list.map(key => [...tuple, key])), [[]])
  }

  function add(entry: Entry, tuples: Tuples): void {
    for (const tuple of tuples) {
      levels.forEach((level, i) => {
        const key = tuple.slice(0, i + 1).join('|')
        const bucket = level.get(key)
        if (bucket === undefined) level.set(key, entry)
        else if (bucket instanceof Set) bucket.add(entry)
        else if (bucket !== entry) level.set(key, new Set([bucket, entry]))
      })
    }
  }

  function remove(entry: Entry, tuples: Tuples): void {
    for (const tuple of tuples) {
      levels.forEach((level, i) => {
        const key = tuple.slice(0, i + 1).join('|')
        const bucket = level.get(key)
        if (bucket instanceof Set) {
          bucket.delete(entry)
          if (bucket.size === 0) level.delete(key)
        } else if (bucket === entry) {
          level.delete(key)
        }
      })
    }
  }

  function find(prefix: readonly string[]): Iterable<Entry> {
    const bucket = levels[prefix.length - 1]?.get(prefix.join('|'))
    return bucket === undefined ? [] : bucket instanceof Set ? bucket : [bucket]
  }

  function conflictOf(tuples: Tuples, self: Entry | undefined) {
    if (!spec.unique) return undefined
    for (const tuple of tuples) {
      for (const entry of find(tuple)) if (entry !== self) return { tuple, entry }
    }
    return undefined
  }

  return { spec, fields, tuplesOf, conflictOf, add, remove, find }
}
