import { isAscii, isUtf8 } from 'node:buffer'
import { createDecodeStream, decode as decodeByLibmime } from 'libmime/lib/charset.js'
import { decodeShifted, isShifted } from './shifted-charsets.ts'

export interface DecodedText {
  text: string
  /** The charset could not be told: what is not ASCII may be wrong. */
  uncertain: boolean
}

const replacement = '\ufffd'

/**
 * The text of a body. Gmail hands most bodies over as UTF-8 under the label of the original charset, and some as they
 * were sent: the bytes are looked at before the label is. Never throws.
 * @param html whether a `<meta charset>` may say what the label does not
 */
export function decodeText(bytes: Buffer, declared: string | undefined, html = false): DecodedText {
  const label = toLabel(declared)
  // These are written in ASCII, or full of NUL, and so are valid UTF-8 as well.
  if (isShifted(label, bytes) || (/^utf-?(?:16|32)/.test(label) && bytes.includes(0))) {
    const text = tidy(decodeShifted(label, bytes) ?? decodeAs(label, bytes) ?? '')
    return { text, uncertain: text.includes(replacement) }
  }
  if (isUtf8(bytes)) {
    const text = tidy(bytes.toString('utf8'))
    // Not of the sender's: something has replaced what it could not read before the text came here.
    return { text, uncertain: text.includes(replacement) }
  }
  const said = isUnicode(label) ? undefined : decodeAs(label, bytes)
  if (said !== undefined && !said.includes(replacement)) return { text: tidy(said), uncertain: false }
  const meta = html && said === undefined ? decodeAs(metaCharset(bytes), bytes) : undefined
  if (meta !== undefined && !meta.includes(replacement)) return { text: tidy(meta), uncertain: false }
  return { text: tidy(leastDamaged([said, meta], bytes)), uncertain: true }
}

/** `"UTF-8"`, `utf-8 (comment)` and `'utf-8'` mean the same. */
function toLabel(declared = ''): string {
  return (
    declared
      .replace(/\(.*/, '')
      .replace(/["'\s]/g, '')
      .toLowerCase()
      // RFC 2231 lets a language stand behind a charset.
      .replace(/\*.*/, '')
  )
}

const isUnicode = (label: string) =>
  /^(?:utf-?8|us-?ascii|ascii|ansi_x3\.4-1968|7bit|utf-?7|unicode-1-1-utf-7)$/.test(label)

/** Undefined where nobody knows the label. UTF-7 is never decoded: it smuggles markup past a look at the bytes. */
function decodeAs(label: string, bytes: Buffer): string | undefined {
  if (label === '') return undefined
  const decoder = toDecoder(label)
  if (decoder) return decoder.decode(bytes)
  const { supported } = createDecodeStream(label)
  return supported ? decodeByLibmime(bytes, label) : undefined
}

function toDecoder(label: string): InstanceType<typeof TextDecoder> | undefined {
  // libmime tells their byte order by the text; a decoder of the platform only by a mark.
  if (/^utf-?(?:16|32)/.test(label)) return undefined
  try {
    return new TextDecoder(label)
  } catch {
    return undefined
  }
}

function metaCharset(bytes: Buffer): string {
  const head = bytes.subarray(0, 4096).toString('latin1')
  return toLabel(/<meta[^>]{0,256}?charset\s*=\s*["']?\s*([\w.:-]{1,40})/i.exec(head)?.[1])
}

/** Of what the labels give, UTF-8 with a damaged spot, and windows-1252, which reads any byte. */
function leastDamaged(candidates: readonly (string | undefined)[], bytes: Buffer): string {
  const known = candidates.filter(text => text !== undefined)
  const utf8 = bytes.toString('utf8')
  const damage = countDamage(utf8)
  // A cut or damaged spot in text that is otherwise UTF-8: its characters outnumber the damage.
  if (damage * 4 < countBeyondAscii(utf8)) known.push(utf8)
  known.sort((one, other) => countDamage(one) - countDamage(other))
  return known[0] ?? new TextDecoder('windows-1252').decode(bytes)
}

const countDamage = (text: string) => text.split(replacement).length - 1
const countBeyondAscii = (text: string) =>
  isAscii(Buffer.from(text)) ? 0 : text.length - text.replace(/\P{ASCII}/gu, '').length

/** Without byte-order mark, NUL and halves of characters. */
function tidy(text: string): string {
  const start = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
  return (start.includes('\0') ? start.replaceAll('\0', '') : start).toWellFormed()
}
