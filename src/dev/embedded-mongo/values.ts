import { BSON } from 'mongodb'

export type Doc = { [key: string]: unknown }

/** MongoDB's limit on one document. */
export const maxDocumentBytes = 16 * 1024 * 1024

export type BsonType =
  | 'missing'
  | 'null'
  | 'int'
  | 'long'
  | 'double'
  | 'decimal'
  | 'string'
  | 'symbol'
  | 'object'
  | 'array'
  | 'binData'
  | 'objectId'
  | 'bool'
  | 'date'
  | 'timestamp'
  | 'regex'
  | 'javascript'
  | 'minKey'
  | 'maxKey'

const wrappers: Readonly<Record<string, BsonType>> = {
  Int32: 'int',
  Long: 'long',
  Double: 'double',
  Decimal128: 'decimal',
  BSONSymbol: 'symbol',
  Binary: 'binData',
  ObjectId: 'objectId',
  Timestamp: 'timestamp',
  BSONRegExp: 'regex',
  Code: 'javascript',
  MinKey: 'minKey',
  MaxKey: 'maxKey'
}

const isInt32 = (value: number): boolean => (value | 0) === value && !Object.is(value, -0)

export function isDoc(value: unknown): value is Doc {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Own property only: a stored field may be called `constructor`, a missing one must not find Object's. */
export const own = (doc: Doc, key: string): unknown => (Object.hasOwn(doc, key) ? doc[key] : undefined)

export function setOwn(doc: Doc, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(doc, key, { value, writable: true, enumerable: true, configurable: true })
  } else {
    doc[key] = value
  }
}

/**
 * A JS number stands for the BSON type the serializer gives it: int32 when it fits, double otherwise. The doubles that
 * would turn into int32 stay wrapped, and int64 stays Long, so that what a client stored comes back as it was sent.
 */
export const toDouble = (value: number): unknown => (isInt32(value) ? new BSON.Double(value) : value)

function settle(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = settle(value[i])
    return value
  }
  if (isDoc(value)) {
    for (const key of Object.keys(value)) {
      const before = value[key]
      if (typeof before !== 'object' || before === null) continue
      const after = settle(before)
      if (after !== before) setOwn(value, key, after)
    }
    return value
  }
  if (value instanceof BSON.Int32) return value.value
  if (value instanceof BSON.Double) return toDouble(value.value)
  if (value instanceof BSON.DBRef) {
    const plain: Doc = { $ref: value.collection, $id: settle(value.oid) }
    if (value.db) plain.$db = value.db
    return Object.assign(plain, settle(value.fields))
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
  return wrappers[(value as { _bsontype: string })._bsontype] ?? 'javascript'
}

/** Scalars are immutable here (updates replace them), so only containers are copied. */
export function clone<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(clone) as T
  if (!isDoc(value)) return value
  const copy: Doc = {}
  for (const key of Object.keys(value)) setOwn(copy, key, clone((value as Doc)[key]))
  return copy as T
}

/** MongoDB's truth: everything but false, null, missing and zero, so the empty string is true. */
export function isTruthy(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return false
  const type = bsonType(value)
  if (type === 'int' || type === 'double' || type === 'long' || type === 'decimal') return Number(value) !== 0
  return true
}
