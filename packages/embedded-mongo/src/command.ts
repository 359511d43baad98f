import type { Store } from './collection.ts'
import type { Cursors } from './cursors.ts'
import { badValue, CommandError, mistyped, unsupported } from './errors.ts'
import { type Doc, isDoc, own, toWholeNumber } from './values.ts'

export interface Request {
  command: Doc
  db: string
  store: Store
  cursors: Cursors
  /** The server's clock. */
  now: Date
  connectionId: number
}

/** Answers one command, synchronously: that is what makes each atomic. */
export type Handler = (request: Request) => Doc
export type Handlers = Readonly<Record<string, Handler>>

// What any command may carry and what changes nothing here: one server, one process, no roles, no time limit needed.
const harmless = new Set([
  '$db',
  '$clusterTime',
  '$readPreference',
  'apiDeprecationErrors',
  'apiStrict',
  'apiVersion',
  'bypassDocumentValidation',
  'comment',
  'hint',
  'lsid',
  'maxTimeMS',
  'readConcern',
  'txnNumber',
  'writeConcern'
])

/** Refuses every option that is not listed and would change the outcome; one that is off changes nothing. */
export function requireOptions(command: string, given: Doc, allowed: readonly string[]): void {
  for (const key of Object.keys(given)) {
    if (key === command || allowed.includes(key) || harmless.has(key)) continue
    const value = given[key]
    const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0
    if (value !== false && value !== null && !isEmpty) throw unsupported(`option '${key}' of ${command}`)
  }
}

export function readDoc(given: Doc, key: string, fallback?: Doc): Doc {
  const value = own(given, key) ?? fallback
  if (!isDoc(value)) throw mistyped(key, 'object')
  return value
}

export function readDocs(given: Doc, key: string, mayBeEmpty = false): Doc[] {
  const value = own(given, key)
  if (!Array.isArray(value) || !value.every(isDoc)) throw mistyped(key, 'array')
  if (value.length === 0 && !mayBeEmpty) throw new CommandError(16, `'${key}' must hold at least one document`)
  return value
}

export function readString(given: Doc, key: string): string {
  const value = own(given, key)
  if (typeof value !== 'string') throw mistyped(key, 'string')
  return value
}

/** A count of documents: whole and not negative. */
export function readCount(given: Doc, key: string): number | undefined {
  const value = own(given, key) ?? undefined
  if (value === undefined) return undefined
  const whole = toWholeNumber(value)
  if (whole === undefined) throw mistyped(key, 'long')
  if (whole < 0) throw badValue(`BSON field '${key}' value must be >= 0, actual value '${whole}'`)
  return whole
}
