import { toWholeNumber } from './arithmetic.ts'
import { badValue, CommandError, unsupported } from './errors.ts'
import { bsonType, type Doc, isDoc, own } from './values.ts'

// What any command may carry and what changes nothing here: one server, one process, no roles, no time limit needed.
const harmless = new Set([
  '$db',
  '$clusterTime',
  '$readPreference',
  'apiDeprecationErrors',
  'apiStrict',
  'apiVersion',
  'comment',
  'lsid',
  'maxTimeMS',
  'readConcern',
  'txnNumber',
  'writeConcern'
])

/** Refuses every option that is not listed and would change the outcome; one that is off changes nothing. */
export function requireOptions(command: string, given: Doc, allowed: readonly string[]): void {
  for (const key of Object.keys(given)) {
    if (allowed.includes(key) || harmless.has(key)) continue
    const value = given[key]
    const isOff = value === false || value === null || (isDoc(value) && Object.keys(value).length === 0)
    if (!isOff && !(Array.isArray(value) && value.length === 0)) throw unsupported(`option '${key}' of ${command}`)
  }
}

function mistyped(key: string, wanted: string, value: unknown): CommandError {
  return new CommandError(14, `BSON field '${key}' is the wrong type '${bsonType(value)}', expected type '${wanted}'`)
}

export function readDoc(given: Doc, key: string, fallback?: Doc): Doc {
  const value = own(given, key) ?? fallback
  if (!isDoc(value)) throw mistyped(key, 'object', value)
  return value
}

export function readDocs(given: Doc, key: string): Doc[] {
  const value = own(given, key)
  if (!Array.isArray(value) || !value.every(isDoc)) throw mistyped(key, 'array', value)
  if (value.length === 0 || value.length > 100_000) {
    throw new CommandError(16, `Write batch sizes must be between 1 and 100000. Got ${value.length} operations.`)
  }
  return value
}

export function readString(given: Doc, key: string): string {
  const value = own(given, key)
  if (typeof value !== 'string') throw mistyped(key, 'string', value)
  return value
}

/** A count of documents: whole and not negative. */
export function readCount(given: Doc, key: string): number | undefined {
  const value = own(given, key)
  if (value === undefined || value === null) return undefined
  const whole = toWholeNumber(value)
  if (whole === undefined) throw mistyped(key, 'long', value)
  if (whole < 0) throw badValue(`BSON field '${key}' value must be >= 0, actual value '${whole}'`)
  return whole
}
