import { BSON } from 'mongodb'
import { unsupported } from './errors.ts'

export type Doc = { [key: string]: unknown }

/** MongoDB's limit on one document. */
export const maxDocumentBytes = 16 * 1024 * 1024

export function isDoc(value: unknown): value is Doc {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** `{$gt: 1}` rather than a document to be equal to. */
export const isOperatorDoc = (value: unknown): value is Doc =>
  isDoc(value) && Object.keys(value)[0]?.startsWith('$') === true

/** Own property only: a stored field may be called `constructor`, a missing one must not find Object's. */
export const own = (doc: Doc, key: string): unknown => (Object.hasOwn(doc, key) ? doc[key] : undefined)

function setOwn(doc: Doc, key: string, value: unknown): void {
  if (key !== '__proto__') doc[key] = value
  else Object.defineProperty(doc, key, { value, writable: true, enumerable: true, configurable: true })
}

export const decode = (bytes: Uint8Array): Doc => BSON.deserialize(bytes, { promoteBuffers: false })
export const encode = (doc: Doc): Uint8Array => BSON.serialize(doc)

const isStorable = (value: object): boolean =>
  value instanceof Date || value instanceof BSON.ObjectId || value instanceof BSON.Binary || value instanceof RegExp

/** Refuses decoded values of types that JavaScript does not have. */
export function requireValues(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) for (const item of value) requireValues(item)
  else if (isDoc(value)) for (const key of Object.keys(value)) requireValues(value[key])
  else if (!isStorable(value)) throw unsupported(`a value of type ${(value as { _bsontype?: string })._bsontype}`)
  // The driver decodes BSON's option `s` as `g`, and such a pattern remembers where it last matched.
  else if (value instanceof RegExp && value.global) throw unsupported('patterns with the option s')
}

/** A number from a command (limit, skip, $size…): whole. */
export const toWholeNumber = (value: unknown): number | undefined =>
  Number.isInteger(value) ? Number(value) : undefined

/** MongoDB's truth: everything but false, null, missing and zero, so the empty string is true. */
export const isTruthy = (value: unknown): boolean => value === '' || Boolean(value)

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
  if (path.length === 1 && isDoc(doc)) return [own(doc, path[0] as string)]
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
