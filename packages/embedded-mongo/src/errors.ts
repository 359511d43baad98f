type Details = { [key: string]: unknown }

/** Drivers and callers tell errors apart by `code`: codes are the server's own, wording is not. */
export class CommandError extends Error {
  readonly code: number
  readonly details: Details

  constructor(code: number, message: string, details: Details = {}) {
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
export const mistyped = (key: string, wanted: string): CommandError =>
  new CommandError(14, `BSON field '${key}' is the wrong type, expected type '${wanted}'`)

/** Runs mingo, and translates its errors: an unknown operator is `unsupported`. */
export function asked<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof CommandError) throw error
    const message = error instanceof Error ? error.message : String(error)
    throw /unknown|scriptEnabled/.test(message) ? unsupported(message) : badValue(message)
  }
}

/** The answer to a failed command. */
export function toErrorReply(error: unknown): Details {
  const { code, message, details } =
    error instanceof CommandError ? error : new CommandError(1, error instanceof Error ? error.message : String(error))
  return { ok: 0, errmsg: message, code, ...details }
}
