import { BSON } from 'mongodb'

export type Doc = { [key: string]: unknown }

/** MongoDB's limit on one document. */
export const maxDocumentBytes = 16 * 1024 * 1024

// The order of types in MongoDB's sort (manual, "Comparison/Sort Order"); types of equal rank compare by value.
export const ranks = {
  missing: 0,
  null: 5,
  int: 10,
  long: 10,
  double: 10,
  string: 15,
  object: 20,
  array: 25,
  binData: 30,
  objectId: 35,
  bool: 40,
  date: 45
} as const

/** What can be compared and indexed; any other type is stored and given back as it came, no more. */
export type BsonType = keyof typeof ranks | 'other'

const wrappers: Readonly<Record<string, BsonType>> = {
  Long: 'long',
  Double: 'double',
  Binary: 'binData',
  ObjectId: 'objectId'
}

export function isDoc(value: unknown): value is Doc {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Own property only: a stored field may be called `constructor`, a missing one must not find Object's. */
export const own = (doc: Doc, key: string): unknown => (Object.hasOwn(doc, key) ? doc[key] : undefined)

export function setOwn(doc: Doc, key: string, value: unknown): void {
  if (key !== '__proto__') doc[key] = value
  else Object.defineProperty(doc, key, { value, writable: true, enumerable: true, configurable: true })
}

const isInt32 = (value: number): boolean => (value | 0) === value && !Object.is(value, -0)

/**
 * A JS number stands for the BSON type the serializer gives it: int32 when it fits, double otherwise. The doubles that
 * would turn into int32 stay wrapped, and int64 stays Long, so that what a client stored comes back as it was sent.
 */
export const toDouble = (value: number): unknown => (isInt32(value) ? new BSON.Double(value) : value)

function settle(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = settle(value[i])
  } else if (isDoc(value)) {
    for (const key of Object.keys(value)) setOwn(value, key, settle(value[key]))
  } else if (value instanceof BSON.Int32) {
    return value.value
  } else if (value instanceof BSON.Double) {
    return toDouble(value.value)
  }
  return value
}

export function decode(bytes: Uint8Array): Doc {
  return settle(BSON.deserialize(bytes, { promoteValues: false, promoteBuffers: false, bsonRegExp: true })) as Doc
}

export const encode = (doc: Doc): Uint8Array => BSON.serialize(doc)

export function bsonType(value: unknown): BsonType {
  switch (typeof value) {
    case 'undefined':
      return 'missing'
    case 'string':
      return 'string'
    case 'boolean':
      return 'bool'
    case 'number':
      return isInt32(value) ? 'int' : 'double'
  }
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (value instanceof Date) return 'date'
  if (isDoc(value)) return 'object'
  return wrappers[(value as { _bsontype: string })._bsontype] ?? 'other'
}

export const isNumeric = (value: unknown): boolean => ['int', 'long', 'double'].includes(bsonType(value))

/** JS compares a bigint with a number exactly, so int64 loses nothing here. */
export function toNumeric(value: unknown): number | bigint {
  return value instanceof BSON.Long ? value.toBigInt() : Number(value)
}

/** A number from a command (limit, skip, $size…): whole, of any numeric type. */
export function toWholeNumber(value: unknown): number | undefined {
  const number = isNumeric(value) ? Number(toNumeric(value)) : Number.NaN
  return Number.isInteger(number) ? number : undefined
}

/** MongoDB's truth: everything but false, null, missing and zero, so the empty string is true. */
export function isTruthy(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return false
  return !isNumeric(value) || Number(toNumeric(value)) !== 0
}

/** Scalars are immutable here (updates replace them), so only containers are copied. */
export function clone<T>(value: T): T {
  if (Array.isArray(value)) return value.map(clone) as T
  if (!isDoc(value)) return value
  const copy: Doc = {}
  for (const key of Object.keys(value)) setOwn(copy, key, clone((value as Doc)[key]))
  return copy as T
}

/**
 * The values a dotted path of a query reaches; undefined stands for a missing one. Arrays on the way are entered
 * (documents inside them, or an element by number), the array at the end is given as it is.
 */
export function leavesOf(doc: Doc, path: readonly string[]): unknown[] {
  if (path.length === 1) return [own(doc, path[0] as string)]
  const leaves: unknown[] = []
  collect(doc, path, 0, leaves)
  return leaves
}

function collect(value: unknown, path: readonly string[], depth: number, leaves: unknown[]): void {
  const key = path[depth]
  if (key === undefined) {
    leaves.push(value)
  } else if (Array.isArray(value)) {
    if (/^(0|[1-9]\d*)$/.test(key) && Number(key) < value.length) collect(value[Number(key)], path, depth + 1, leaves)
    for (const item of value) if (isDoc(item)) collect(item, path, depth, leaves)
  } else if (isDoc(value) && Object.hasOwn(value, key)) {
    collect(value[key], path, depth + 1, leaves)
  } else {
    leaves.push(undefined)
  }
}
