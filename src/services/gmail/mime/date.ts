const parsable =
  /^(?:[a-z]{2,9}\.?,?\s*)?(\d{1,2})[\s-]+([a-z]{3,9}\.?)[\s-]+(\d{2,4}),?\s+\d{1,2}:\d{2}(?::\d{2})?(.*)$/i
/** RFC 5322, section 3.3: no place on Earth is further from UTC. */
const possibleOffset = /^(?:[+-](?:0\d|1[0-4]):?[0-5]\d)?(?![+-]?\d)/

/**
 * A Date header in ISO 8601, or null if it is invalid: JavaScript's own parser reads a day into any text with a digit, and a
 * third of March of 31 February. Without a zone it is UTC, wherever the server stands.
 */
export function readDate(value: string | undefined): string | null {
  const text = (value ?? '')
    .slice(0, 256)
    .replace(/\([^()]*\)/g, ' ')
    .trim()
  const [, day = '', month = '', year = '', zone = ''] = parsable.exec(text) ?? []
  if (day === '' || !possibleOffset.test(zone.trim().replace(/^(?:GMT|UTC?)(?=[+-])/i, ''))) return null
  if (new Date(Date.parse(`${day} ${month} ${year} 00:00 +0000`)).getUTCDate() !== Number(day)) return null
  const ms = Date.parse(zone.trim() === '' ? `${text} +0000` : text)
  return Number.isNaN(ms) || Math.abs(ms) > 253_402_300_799_000 ? null : new Date(ms).toISOString()
}
