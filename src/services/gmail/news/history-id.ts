import { CodedError, GuichetError } from '../../../errors.ts'

const pattern = /^(0|[1-9]\d{0,19})$/

/**
 * A place in a mailbox's history, as Google names it: an unsigned 64-bit number. It is kept as decimal text, for a
 * JavaScript number loses digits above 2^53.
 * @throws GuichetError `google_invalid_response` for anything that may have lost digits already
 */
export function toHistoryId(value: unknown): string {
  const text = Number.isSafeInteger(value) ? String(value) : value
  if (typeof text !== 'string' || !pattern.test(text))
    throw new GuichetError('google_invalid_response', { cause: new CodedError('no_history_id') })
  return text
}

/** Whether `one` lies after `other` in the history. */
export function isLater(one: string, other: string): boolean {
  return BigInt(one) > BigInt(other)
}

/** The later one. */
export function latest(first: string, ...others: string[]): string {
  return others.reduce((latest, one) => (isLater(one, latest) ? one : latest), first)
}

type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown

/**
 * JSON in which `historyId` keeps its digits: a push holds it as a number, not as text.
 * @throws SyntaxError
 */
export function parseWithHistoryId(json: string): unknown {
  const keepDigits: Reviver = (key, value, { source }) =>
    key === 'historyId' && typeof value === 'number' ? source : value
  return JSON.parse(json, keepDigits as Parameters<typeof JSON.parse>[1])
}
