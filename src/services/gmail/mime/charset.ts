import { isUtf8 } from 'node:buffer'
import { setImmediate as breathe } from 'node:timers/promises'
import { lazily } from '../../../lazily.ts'
import { impliedLabel, isShifted, toShiftedDecode } from './shifted-charsets.ts'

const charsets = lazily<typeof import('libmime/lib/charset.js')>('libmime/lib/charset.js')

export interface DecodedText {
  text: string
  /** The charset is uncertain: characters outside ASCII may be wrong. */
  uncertain: boolean
}

const replacement = 0xfffd

/** Bytes that are decoded in one turn of the event loop: some milliseconds, whatever the charset. */
const pieceBytes = 64 * 1024

/** One piece of a body after the other; `isLast` with the last. */
type Decode = (piece: Buffer, isLast: boolean) => string

interface Attempt {
  text: string
  /** Characters that stand for what could not be read. */
  damage: number
  beyondAscii: number
}

/**
 * The text of a body. Gmail hands most bodies over as UTF-8 under the label of the original charset, and some as they
 * were sent: the bytes are looked at before the label is. A large one is decoded in turns. Never throws.
 * @param html whether a `<meta charset>` may say what the label does not
 */
export async function decodeText(bytes: Buffer, declared: string | undefined, html = false): Promise<DecodedText> {
  const label = impliedLabel(toLabel(declared), bytes)
  // These are written in ASCII, or full of NUL, and so are valid UTF-8 as well.
  if (isShifted(label, bytes) || (isWide(label) && bytes.includes(0))) {
    const { text, damage } = await attempt(bytes, toShiftedDecode(label) ?? toDecode(label) ?? windows1252())
    return { text, uncertain: damage > 0 }
  }
  if (isUtf8(bytes)) {
    const { text, damage } = await attempt(bytes, utf8())
    // Not of the sender's: something has replaced what it could not read before the text came here.
    return { text, uncertain: damage > 0 || (isUtf7(label) && shiftOfUtf7.test(text)) }
  }
  const said = isUnicode(label) ? undefined : await attemptAs(label, bytes)
  if (said?.damage === 0) return { text: said.text, uncertain: false }
  const meta = html && !said ? await attemptAs(metaCharset(bytes), bytes) : undefined
  if (meta?.damage === 0) return { text: meta.text, uncertain: false }
  return { text: await leastDamaged([said, meta], bytes), uncertain: true }
}

async function attempt(bytes: Buffer, decode: Decode): Promise<Attempt> {
  const texts: string[] = []
  let [damage, beyondAscii] = [0, 0]
  let at = 0
  do {
    if (at > 0) await breathe()
    const end = endOfPiece(bytes, at)
    const text = decode(bytes.subarray(at, end), end === bytes.length)
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (code > 0x7f) beyondAscii++
      if (code === replacement) damage++
    }
    texts.push(tidy(text, at === 0))
    at = end
  } while (at < bytes.length)
  return { text: texts.join(''), damage, beyondAscii }
}

/** After a line, or after a byte that is part of no character of several bytes; a decoder that keeps its state needs neither. */
function endOfPiece(bytes: Buffer, from: number): number {
  const most = from + pieceBytes
  if (most >= bytes.length) return bytes.length
  const line = bytes.lastIndexOf(0x0a, most - 1)
  if (line >= from) return line + 1
  for (let end = most; end > most - 4096; end--) if ((bytes[end - 1] ?? 0) < 0x30) return end
  return most
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

const isUtf7 = (label: string) => /^(?:x-)?(?:unicode-1-1-)?utf-?7/.test(label)
/** UTF-7 writes what is not ASCII as base64 between `+` and `-`. */
const shiftOfUtf7 = /\+[A-Za-z0-9+/]{2,}/

const isUnicode = (label: string) =>
  /^(?:utf-?8|us-?ascii|ascii|ansi_x3\.4-1968|7bit|utf-?7|unicode-1-1-utf-7)$/.test(label)

const isWide = (label: string) => /^utf-?(?:16|32)/.test(label)
const utf8 = () => toDecode('utf-8') as Decode
/** It reads any byte. */
const windows1252 = () => toDecode('windows-1252') as Decode

async function attemptAs(label: string, bytes: Buffer): Promise<Attempt | undefined> {
  const decode = toDecode(label)
  return decode && attempt(bytes, decode)
}

/** Undefined for an unknown label. UTF-7 is never decoded: it smuggles markup past a look at the bytes. */
function toDecode(label: string): Decode | undefined {
  if (label === '') return undefined
  // libmime tells their byte order by the text; a decoder of the platform only by a mark.
  if (isWide(label)) return collected(bytes => charsets().decode(bytes, label))
  try {
    const decoder = new TextDecoder(label)
    return (piece, isLast) => decoder.decode(piece, { stream: !isLast })
  } catch {
    const { supported } = charsets().createDecodeStream(label)
    return supported ? piece => charsets().decode(piece, label) : undefined
  }
}

/** For a decoder that must see the whole, and is quick. */
function collected(decode: (bytes: Buffer) => string): Decode {
  const pieces: Buffer[] = []
  return (piece, isLast) => {
    pieces.push(piece)
    return isLast ? decode(Buffer.concat(pieces)) : ''
  }
}

function metaCharset(bytes: Buffer): string {
  const head = bytes.subarray(0, 4096).toString('latin1')
  return toLabel(/<meta[^>]{0,256}?charset\s*=\s*["']?\s*([\w.:-]{1,40})/i.exec(head)?.[1])
}

/** The best reading: by one of the labels, as UTF-8 with a damaged spot, or else as windows-1252, which reads any byte. */
async function leastDamaged(attempts: readonly (Attempt | undefined)[], bytes: Buffer): Promise<string> {
  const known = attempts.filter(attempt => attempt !== undefined)
  const asUtf8 = await attempt(bytes, utf8())
  // A cut or damaged spot in text that is otherwise UTF-8: its characters outnumber the damage.
  if (asUtf8.damage * 4 < asUtf8.beyondAscii) known.push(asUtf8)
  known.sort((one, other) => one.damage - other.damage)
  return (known[0] ?? (await attempt(bytes, windows1252()))).text
}

/** Removes the byte-order mark and NUL, and replaces halves of characters. */
function tidy(text: string, isFirst: boolean): string {
  const start = isFirst && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
  return (start.includes('\0') ? start.replaceAll('\0', '') : start).toWellFormed()
}
