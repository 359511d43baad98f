import type { Doc } from './values.ts'

const codeNames: Readonly<Record<number, string>> = {
  1: 'InternalError',
  2: 'BadValue',
  9: 'FailedToParse',
  13: 'Unauthorized',
  14: 'TypeMismatch',
  20: 'IllegalOperation',
  26: 'NamespaceNotFound',
  27: 'IndexNotFound',
  28: 'PathNotViable',
  40: 'ConflictingUpdateOperators',
  43: 'CursorNotFound',
  48: 'NamespaceExists',
  52: 'DollarPrefixedFieldName',
  53: 'InvalidIdField',
  56: 'EmptyFieldName',
  59: 'CommandNotFound',
  66: 'ImmutableField',
  67: 'CannotCreateIndex',
  72: 'InvalidOptions',
  73: 'InvalidNamespace',
  85: 'IndexOptionsConflict',
  86: 'IndexKeySpecsConflict',
  168: 'InvalidPipelineOperator',
  171: 'CannotIndexParallelArrays',
  238: 'NotImplemented',
  352: 'UnsupportedOpQueryCommand',
  10334: 'BSONObjectTooLarge',
  11000: 'DuplicateKey'
}

/** An error as MongoDB words it: the driver tells callers apart by `code`, so codes are the server's own. */
export class CommandError extends Error {
  readonly code: number
  readonly details: Doc

  constructor(code: number, message: string, details: Doc = {}) {
    super(message)
    this.name = 'CommandError'
    this.code = code
    this.details = details
  }

  get codeName(): string {
    return codeNames[this.code] ?? `Location${this.code}`
  }
}

/** What MongoDB can do and the stand-in cannot: refused loudly, because ignoring it would change the outcome. */
export function unsupported(what: string): CommandError {
  return new CommandError(238, `not supported by the embedded stand-in: ${what}`)
}

export function badValue(message: string): CommandError {
  return new CommandError(2, message)
}

/** The answer to a failed command. */
export function toErrorReply(error: unknown): Doc {
  const known =
    error instanceof CommandError
      ? error
      : new CommandError(1, error instanceof Error ? `${error.name}: ${error.message}` : String(error))
  return { ok: 0, errmsg: known.message, code: known.code, codeName: known.codeName, ...known.details }
}
