import type { Store } from './collection.ts'
import type { Cursors } from './read-commands.ts'
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

/** Drivers and callers tell errors apart by `code`: codes are the server's own, wording is not. */
export class CommandError extends Error {
  readonly code: number
  readonly details: Doc

  constructor(code: number, message: string, details: Doc = {}) {
    super(message)
    this.name = 'CommandError'
    this.code = code
    this.details = details
  }
}

/** What MongoDB can do and the stand-in cannot: refused loudly, because ignoring it would change the outcome. */
export const unsupported = (what: string): CommandError =>
  new CommandError(238, `not supported by the embedded stand-in: ${what}`)

export const badValue = (message: string): CommandError => new CommandError(2, message)
export const failedToParse = (message: string): CommandError => new CommandError(9, message)

/** The answer to a failed command. */
export function toErrorReply(error: unknown): Doc {
  const { code, message, details } =
    error instanceof CommandError ? error : new CommandError(1, error instanceof Error ? error.message : String(error))
  return { ok: 0, errmsg: message, code, ...details }
}

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

const mistyped = (key: string, wanted: string): CommandError =>
  new CommandError(14, `BSON field '${key}' is the wrong type, expected type '${wanted}'`)

export function readDoc(given: Doc, key: string, fallback?: Doc): Doc {
  const value = own(given, key) ?? fallback
  if (!isDoc(value)) throw mistyped(key, 'object')
  return value
}

export function readDocs(given: Doc, key: string): Doc[] {
  const value = own(given, key)
  if (!Array.isArray(value) || !value.every(isDoc)) throw mistyped(key, 'array')
  if (value.length === 0) throw new CommandError(16, `'${key}' must hold at least one document`)
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
