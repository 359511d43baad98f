import { BSON } from 'mongodb'
import { type BsonType, bsonType, type Doc } from './values.ts'

// The order of types in MongoDB's sort (manual, "Comparison/Sort Order"); types of equal rank compare by value.
const ranks: Readonly<Record<BsonType, number>> = {
  minKey: -1,
  missing: 0,
  null: 5,
  int: 10,
  long: 10,
  double: 10,
  decimal: 10,
  string: 15,
  symbol: 15,
  object: 20,
  array: 25,
  binData: 30,
  objectId: 35,
  bool: 40,
  date: 45,
  timestamp: 47,
  regex: 50,
  javascript: 60,
  maxKey: 127
}

export const rankOf = (value: unknown): number => ranks[bsonType(value)]

export const isNumeric = (value: unknown): boolean => typeof value === 'number' || rankOf(value) === 10

/** JS compares a bigint with a number exactly, so int64 loses nothing here. Decimal128 is approximated by a double. */
export function toNumeric(value: unknown): number | bigint {
  if (typeof value === 'number') return value
  if (value instanceof BSON.Long) return value.toBigInt()
  if (value instanceof BSON.Double || value instanceof BSON.Int32) return value.value
  return Number(String(value))
}

function compareNumbers(a: number | bigint, b: number | bigint): number {
  if (a < b) return -1
  if (a > b) return 1
  // Neither: equal, unless one is NaN, which sorts below all numbers.
  return Number(Number.isNaN(b)) - Number(Number.isNaN(a))
}

/** UTF-8 byte order, which differs from JS's UTF-16 order where surrogates meet U+E000 and above. */
function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    const lift = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit)
    return lift(x) - lift(y)
  }
  return a.length - b.length
}

function compareDocs(a: Doc, b: Doc): number {
  const keysA = Object.keys(a)
  const keysB = Object.keys(b)
  const length = Math.min(keysA.length, keysB.length)
  for (let i = 0; i < length; i++) {
    const keyA = keysA[i] as string
    const keyB = keysB[i] as string
    const order = rankOf(a[keyA]) - rankOf(b[keyB]) || compareStrings(keyA, keyB) || compareValues(a[keyA], b[keyB])
    if (order !== 0) return order
  }
  return keysA.length - keysB.length
}

function compareArrays(a: unknown[], b: unknown[]): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const order = compareValues(a[i], b[i])
    if (order !== 0) return order
  }
  return a.length - b.length
}

function compareBinaries(a: BSON.Binary, b: BSON.Binary): number {
  return a.length() - b.length() || a.sub_type - b.sub_type || Buffer.compare(bytesOf(a), bytesOf(b))
}

export const bytesOf = (binary: BSON.Binary): Uint8Array => binary.buffer.subarray(0, binary.length())

/** Total order over BSON values, across types. */
export function compareValues(a: unknown, b: unknown): number {
  if (a === b) return 0
  if (typeof a === 'number' && typeof b === 'number') return compareNumbers(a, b)
  const rank = rankOf(a)
  const other = rankOf(b)
  if (rank !== other) return rank - other
  switch (rank) {
    case 10:
      return compareNumbers(toNumeric(a), toNumeric(b))
    case 15:
      return compareStrings(String(a), String(b))
    case 20:
      return compareDocs(a as Doc, b as Doc)
    case 25:
      return compareArrays(a as unknown[], b as unknown[])
    case 30:
      return compareBinaries(a as BSON.Binary, b as BSON.Binary)
    case 35:
      return Buffer.compare((a as BSON.ObjectId).id, (b as BSON.ObjectId).id)
    case 40:
    case 45:
      return Number(a) - Number(b)
    case 47:
      return compareNumbers((a as BSON.Timestamp).toBigInt(), (b as BSON.Timestamp).toBigInt())
    case 50: {
      const [x, y] = [a as BSON.BSONRegExp, b as BSON.BSONRegExp]
      return compareStrings(x.pattern, y.pattern) || compareStrings(x.options, y.options)
    }
    case 60:
      return compareStrings(JSON.stringify(a), JSON.stringify(b))
    default:
      return 0
  }
}

/** Equal values (5, 5.0 and int64 5 alike) have equal keys, and a key ends where it says: keys can be joined. */
export function canonicalKey(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `s${value.length}:${value}`
    case 'number':
      return Number.isInteger(value) && !Number.isSafeInteger(value) ? `n${BigInt(value)};` : `n${value + 0};`
    case 'boolean':
      return value ? 't' : 'f'
  }
  switch (bsonType(value)) {
    case 'missing':
      return 'u'
    case 'null':
      return 'z'
    case 'int':
    case 'long':
    case 'double':
    case 'decimal': {
      const numeric = toNumeric(value)
      return typeof numeric === 'bigint' ? `n${numeric};` : canonicalKey(numeric)
    }
    case 'symbol':
      return canonicalKey(String(value))
    case 'objectId':
      return `o${(value as BSON.ObjectId).toHexString()}`
    case 'date':
      return `d${(value as Date).getTime()};`
    case 'binData':
      return `b${(value as BSON.Binary).sub_type}:${Buffer.from(bytesOf(value as BSON.Binary)).toString('base64')};`
    case 'array':
      return `[${(value as unknown[]).map(canonicalKey).join(',')}]`
    case 'object':
      return `{${Object.keys(value as Doc)
        .map(key => `${key.length}:${key}${canonicalKey((value as Doc)[key])}`)
        .join(',')}}`
    default: {
      const text = BSON.EJSON.stringify(value as Doc, { relaxed: false })
      return `x${text.length}:${text}`
    }
  }
}

/** The same bytes in BSON: type, value and field order. Decides whether an update modified anything. */
export function isIdentical(a: unknown, b: unknown): boolean {
  if (a === b) return !Object.is(a, -0) === !Object.is(b, -0)
  const type = bsonType(a)
  if (type !== bsonType(b)) return false
  if (type === 'array') {
    const [x, y] = [a as unknown[], b as unknown[]]
    return x.length === y.length && x.every((item, i) => isIdentical(item, y[i]))
  }
  if (type === 'object') {
    const [x, y] = [a as Doc, b as Doc]
    const keys = Object.keys(x)
    const others = Object.keys(y)
    return keys.length === others.length && keys.every((key, i) => key === others[i] && isIdentical(x[key], y[key]))
  }
  return compareValues(a, b) === 0
}
