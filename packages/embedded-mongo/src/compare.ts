import type { BSON } from 'mongodb'
import { unsupported } from './command.ts'
import { bsonType, type Doc, encode, leavesOf, ranks, toNumeric, toWholeNumber } from './values.ts'

/** Its place among the types; what cannot be compared is refused here. */
export function rankOf(value: unknown): number {
  const type = bsonType(value)
  if (type !== 'other') return ranks[type]
  throw unsupported(`comparing a ${(value as { _bsontype?: string })._bsontype}`)
}

function compareNumbers(a: number | bigint, b: number | bigint): number {
  if (a < b) return -1
  if (a > b) return 1
  // Neither: equal, unless one is NaN, which sorts below all numbers.
  return Number(Number.isNaN(b)) - Number(Number.isNaN(a))
}

/** By UTF-8 bytes, as the server does; JS's own order differs where surrogates meet U+E000 and above. */
const compareStrings = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

function compareLists<T>(a: readonly T[], b: readonly T[], compare: (x: T, y: T) => number): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = compare(a[i] as T, b[i] as T)
    if (order !== 0) return order
  }
  return a.length - b.length
}

const compareFields = ([keyA, a]: [string, unknown], [keyB, b]: [string, unknown]): number =>
  rankOf(a) - rankOf(b) || compareStrings(keyA, keyB) || compareValues(a, b)

const bytesOf = (binary: BSON.Binary): Buffer => Buffer.from(binary.buffer.subarray(0, binary.length()))

/** Total order over values, across types. */
export function compareValues(a: unknown, b: unknown): number {
  if (a === b) return 0
  const rank = rankOf(a)
  const other = rankOf(b)
  if (rank !== other) return rank - other
  switch (rank) {
    case ranks.int:
      return compareNumbers(toNumeric(a), toNumeric(b))
    case ranks.string:
      return compareStrings(a as string, b as string)
    case ranks.object:
      return compareLists(Object.entries(a as Doc), Object.entries(b as Doc), compareFields)
    case ranks.array:
      return compareLists(a as unknown[], b as unknown[], compareValues)
    case ranks.binData: {
      const [x, y] = [a as BSON.Binary, b as BSON.Binary]
      return x.length() - y.length() || x.sub_type - y.sub_type || Buffer.compare(bytesOf(x), bytesOf(y))
    }
    case ranks.objectId:
      return Buffer.compare((a as BSON.ObjectId).id, (b as BSON.ObjectId).id)
    default:
      return Number(a) - Number(b)
  }
}

/** Equal values (5, 5.0 and int64 5 alike) have equal keys, and a key ends where it says: keys can be joined. */
export function canonicalKey(value: unknown): string {
  switch (rankOf(value)) {
    case ranks.missing:
      return 'u'
    case ranks.null:
      return 'z'
    case ranks.int: {
      const numeric = toNumeric(value)
      return Number.isInteger(numeric) ? `n${BigInt(numeric)};` : `n${numeric};`
    }
    case ranks.string:
      return `s${(value as string).length}:${value}`
    case ranks.object:
      return `{${Object.entries(value as Doc).map(([key, item]) => `${key.length}:${key}${canonicalKey(item)}`)}}`
    case ranks.array:
      return `[${(value as unknown[]).map(canonicalKey)}]`
    case ranks.binData:
      return `b${(value as BSON.Binary).sub_type}:${bytesOf(value as BSON.Binary).toString('base64')};`
    case ranks.objectId:
      return `o${(value as BSON.ObjectId).toHexString()}`
    case ranks.bool:
      return value ? 't' : 'f'
    default:
      return `d${(value as Date).getTime()};`
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
  const fields = Object.keys(spec).map(key => {
    const direction = toWholeNumber(spec[key])
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
