const parsable = /^(?:[a-z]{2,9}\.?,?\s*)?\d{1,2}[\s-]+[a-z]{3,9}\.?[\s-]+\d{2,4},?\s+\d{1,2}:\d{2}/i

/** A Date header in ISO 8601, or null where it is none: JavaScript's own parser makes a day of any text with a digit. */
export function readDate(value: string | undefined): string | null {
  const text = (value ?? '')
    .slice(0, 256)
    .replace(/\([^()]*\)/g, ' ')
    .trim()
  if (!parsable.test(text)) return null
  const ms = Date.parse(text)
  return Number.isNaN(ms) || Math.abs(ms) > 253_402_300_799_000 ? null : new Date(ms).toISOString()
}
