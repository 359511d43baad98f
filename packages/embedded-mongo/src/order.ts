import { BSON } from 'mongodb'
import { unsupported } from './errors.ts'
import { type Doc, encode, isDoc, leavesOf } from './values.ts'

// From the least to the greatest (manual, "Comparison/Sort Order").
const types = ['missing', 'null', 'number', 'string', 'object', 'array', 'objectId', 'bool', 'date'] as const

/** The type's name as MongoDB has it; patterns and binaries are stored and given back, but never compared. */
export function typeOf(value: unknown): (typeof types)[number] {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (typeof value === 'number' || typeof value === 'string') return typeof value as 'number' | 'string'
  if (typeof value === 'boolean') return 'bool'
  if (Array.isArray(value)) return 'array'
  if (isDoc(value)) return 'object'
  if (value instanceof Date) return 'date'
  if (value instanceof BSON.ObjectId) return 'objectId'
  throw unsupported('comparing patterns or binaries')
}

/** Equal values have equal keys, and a key ends where it says: keys can be joined. */
export function canonicalKey(value: unknown): string {
  const type = typeOf(value)
  switch (type) {
    case 'missing':
      return 'u'
    case 'null':
      return 'z'
    case 'number':
      return `n${value};`
    case 'string':
      return `s${(value as string).length}:${value}`
    case 'object':
      return `{${Object.entries(value as Doc).map(([key, item]) => `${key.length}:${key}${canonicalKey(item)}`)}}`
    case 'array':
      return `[${(value as unknown[]).map(canonicalKey)}]`
    case 'bool':
      return value ? 't' : 'f'
    default:
      return `${type}${type === 'date' ? Number(value) : value};`
  }
}

/** The same bytes in BSON: type, value and field order. */
export const isIdentical = (a: Doc, b: Doc): boolean => a === b || Buffer.compare(encode(a), encode(b)) === 0

/** What a document is sorted by: its type's rank, and the value. Missing counts as null. */
function sortKey(doc: Doc, path: readonly string[]): { rank: number; value: number | string } {
  const value = leavesOf(doc, path)[0] ?? null
  const type = typeOf(value)
  if (type === 'object' || type === 'array') throw unsupported('a sort of documents or arrays')
  return { rank: types.indexOf(type), value: type === 'string' || type === 'objectId' ? String(value) : Number(value) }
}

/** Sorts; with a limit, never holds many more than so many, so that a short page of a large collection stays cheap. */
export function sortBy<T extends { doc: Doc }>(items: Iterable<T>, spec: Doc, limit = Number.POSITIVE_INFINITY): T[] {
  const fields = Object.entries(spec).map(([key, direction]) => {
    if (direction !== 1 && direction !== -1) throw unsupported(`sort by '${key}' other than 1 or -1`)
    return { path: key.split('.'), direction }
  })
  const keyed: { item: T; keys: ReturnType<typeof sortKey>[] }[] = []
  const keepBest = (): void => {
    keyed.sort((one, other) => {
      for (const [i, a] of one.keys.entries()) {
        const b = other.keys[i] ?? a
        const order = a.rank - b.rank || Number(a.value > b.value) - Number(a.value < b.value)
        if (order !== 0) return order * (fields[i]?.direction ?? 1)
      }
      return 0
    })
    if (keyed.length > limit) keyed.length = limit
  }
  for (const item of items) {
    keyed.push({ item, keys: fields.map(({ path }) => sortKey(item.doc, path)) })
    if (keyed.length > 2 * limit + 100) keepBest()
  }
  keepBest()
  return keyed.map(({ item }) => item)
}
