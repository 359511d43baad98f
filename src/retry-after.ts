/**
 * Seconds that a Retry-After header asks for, as a number or a date (RFC 9110, section 10.2.3), rounded up. Undefined for
 * anything that is not a wait: text, a negative number, a past date. None of these means "at once".
 */
export function retryAfterSeconds(header: string | null | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return Math.ceil(Number(text))
  // Date.parse accepts far more than dates: `2.5` becomes a day in 2001.
  if (!/^[A-Z][a-z]+,? |^\d{4}-\d\d-\d\dT/.test(text)) return undefined
  // The oldest form of a date names no zone, and means GMT too.
  const isZoned = /(?:GMT|UTC|Z|[+-]\d\d:?\d\d)$/.test(text)
  const seconds = Math.ceil((Date.parse(isZoned ? text : `${text} GMT`) - nowMs) / 1000)
  return seconds > 0 ? seconds : undefined
}
