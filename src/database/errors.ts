import { MongoError, MongoServerError } from 'mongodb'

/** The server understood and disagreed: a bug of ours, not an outage. BadValue, FailedToParse, TypeMismatch, ImmutableField, DuplicateKey. */
const bugs = new Set<unknown>([2, 9, 14, 66, 11000])

/** Whether the database, not the request, is why `error` was thrown. */
export function isDatabaseUnavailable(error: unknown): boolean {
  return error instanceof MongoError && !(error instanceof MongoServerError && bugs.has(error.code))
}

/** Whether a unique index refused the write. */
export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === 11000
}
