import { BSON } from 'mongodb'
import { bytesOf, canonicalKey } from './compare.ts'
import { CommandError } from './errors.ts'
import { leavesOf } from './paths.ts'
import { bsonType, type Doc, isDoc } from './values.ts'

/** A value as MongoDB's messages print it. */
export function print(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return `[ ${value.map(print).join(', ')} ]`
  if (isDoc(value)) {
    const fields = Object.keys(value).map(key => `${key}: ${print(value[key])}`)
    return fields.length > 0 ? `{ ${fields.join(', ')} }` : '{}'
  }
  if (value instanceof Date) return `new Date(${value.getTime()})`
  if (value instanceof BSON.ObjectId) return `ObjectId('${value.toHexString()}')`
  if (value instanceof BSON.Binary) {
    return `BinData(${value.sub_type}, ${Buffer.from(bytesOf(value)).toString('hex').toUpperCase()})`
  }
  return bsonType(value) === 'double' && Number.isInteger(Number(value)) ? `${value}.0` : String(value)
}

/** E11000 as MongoDB words it; drivers and callers read `keyPattern` and `keyValue` from it. */
export function duplicateKey(
  ns: string,
  indexName: string,
  keyPattern: Doc,
  doc: Doc,
  tuple: readonly string[]
): CommandError {
  const keyValue: Doc = {}
  Object.keys(keyPattern).forEach((field, i) => {
    const leaves = leavesOf(doc, field.split('.')).flat()
    keyValue[field] = leaves.find(leaf => canonicalKey(leaf) === tuple[i]) ?? null
  })
  return new CommandError(
    11000,
    `E11000 duplicate key error collection: ${ns} index: ${indexName} dup key: ${print(keyValue)}`,
    { keyPattern, keyValue }
  )
}
