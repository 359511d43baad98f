import { BSON } from 'mongodb'
import { unsupported } from './errors.ts'
import { type Doc, encode, isDoc, leavesOf } from './values.ts'

// The order of types in MongoDB's sort (manual, "Comparison/Sort Order").
const ranks = {
  missing: 0,
  null: 5,
  number: 10,
  string: 15,
  object: 20,
  array: 25,
  binData: 30,
  objectId: 35,
  bool: 40,
  date: 45
}

/** The type's name as `$type` has it; patterns are stored and given back, but never compared. */
export function typeOf(value: unknown): keyof typeof ranks {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (typeof value === 'number' || typeof value === 'string') return typeof value as 'number' | 'string'
  if (typeof value === 'boolean') return 'bool'
  if (Array.isArray(value)) return 'array'
  if (isDoc(value)) return 'object'
  if (value instanceof Date) return 'date'
  if (value instanceof BSON.ObjectId) return 'objectId'
  if (value instanceof BSON.Binary) return 'binData'
  throw unsupported('comparing a regular expression')
}

const byOrder = <T extends number | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0)

function compareLists<T>(a: readonly T[], b: readonly T[], compare: (x: T, y: T) => number): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = compare(a[i] as T, b[i] as T)
    if (order !== 0) return order
  }
  return a.length - b.length
}

const compareFields = ([keyA, a]: [string, unknown], [keyB, b]: [string, unknown]): number =>
  ranks[typeOf(a)] - ranks[typeOf(b)] || byOrder(keyA, keyB) || compareValues(a, b)

/** Total order over values, across types. */
export function compareValues(a: unknown, b: unknown): number {
  if (a === b) return 0
  const type = typeOf(a)
  const difference = ranks[type] - ranks[typeOf(b)]
  if (difference !== 0) return difference
  switch (type) {
    case 'string':
      return byOrder(a as string, b as string)
    case 'object':
      return compareLists(Object.entries(a as Doc), Object.entries(b as Doc), compareFields)
    case 'array':
      return compareLists(a as unknown[], b as unknown[], compareValues)
    case 'binData':
      return (a as BSON.Binary).length() - (b as BSON.Binary).length() || byOrder(String(a), String(b))
    case 'objectId':
      return byOrder(String(a), String(b))
    default:
      return byOrder(Number(a), Number(b))
  }
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

/** An array sorts by its smallest element going up and by its largest going down; missing counts as null. */
function sortKey(doc: Doc, path: readonly string[], direction: number): unknown {
  const values = leavesOf(doc, path).flatMap(leaf =>
    Array.isArray(leaf) ? (leaf.length > 0 ? leaf : [undefined]) : [leaf ?? null]
  )
  if (values.length === 0) return null
  return values.reduce((best, value) => (compareValues(value, best) * direction < 0 ? value : best))
}

/** Sorts; with a limit, never holds many more than so many, so that a short page of a large collection stays cheap. */
export function sortBy<T extends { doc: Doc }>(items: Iterable<T>, spec: Doc, limit = Number.POSITIVE_INFINITY): T[] {
  const fields = Object.entries(spec).map(([key, direction]) => {
    if (direction !== 1 && direction !== -1) throw unsupported(`sort by '${key}' other than 1 or -1`)
    return { path: key.split('.'), direction }
  })
  const keyed: { item: T; keys: unknown[] }[] = []
  const keepBest = (): void => {
    keyed.sort((a, b) => {
      for (const [i, { direction }] of fields.entries()) {
        const order = compareValues(a.keys[i], b.keys[i]) * direction
        if (order !== 0) return order
      }
      return 0
    })
    if (keyed.length > limit) keyed.length = limit
  }
  for (const item of items) {
    keyed.push({ item, keys: fields.map(({ path, direction }) => sortKey(item.doc, path, direction)) })
    if (keyed.length > 2 * limit + 100) keepBest()
  }
  keepBest()
  return keyed.map(({ item }) => item)
}
