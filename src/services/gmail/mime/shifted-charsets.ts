import { lazily } from '../../../lazily.ts'

const charsets = lazily<typeof import('libmime/lib/charset.js')>('libmime/lib/charset.js')

const [lineFeed, esc, shiftOut, shiftIn] = [0x0a, 0x1b, 0x0e, 0x0f]
const [dollar, open, tilde, close] = [0x24, 0x7b, 0x7e, 0x7d]

/** Seven-bit encodings: what marks their text, without which their label means nothing. */
const marks: readonly [label: RegExp, mark: RegExp][] = [
  [/^(?:(?:cs)?iso-?2022-?(?:jp|kr|cn)|cp5022[012]$)/, new RegExp(`${String.fromCharCode(esc)}[$(]`)],
  [/^hz(?:-gb-?2312)?$/, /~\{/]
]

/** Whether the bytes are in the seven-bit encoding that the label names: they then pass for ASCII too. */
export function isShifted(label: string, bytes: Buffer): boolean {
  const mark = marks.find(([named]) => named.test(label))?.[1]
  return mark?.test(bytes.toString('latin1')) ?? false
}

/** Japanese mail that says of itself nothing, or that it is ASCII: no ASCII text holds these escapes. */
const unlabelled = new RegExp(`${String.fromCharCode(esc)}\\$[@B][!-~]+${String.fromCharCode(esc)}\\([BJ]`)

/** The given label; without one, the label that the bytes show. */
export function impliedLabel(label: string, bytes: Buffer): string {
  const isSilent = label === '' || label === 'us-ascii' || label === 'ascii'
  return isSilent && bytes.includes(esc) && unlabelled.test(bytes.toString('latin1')) ? 'iso-2022-jp' : label
}

/** Undefined where the label names no such encoding. Lines are whole: at a line's end each of them is back in ASCII. */
export function toShiftedDecode(label: string): ((lines: Buffer) => string) | undefined {
  if (label.startsWith('hz')) return lines => gbk.decode(liftHz(lines))
  if (/2022-?jp|^cp5022/.test(label)) return lines => charsets().decode(lines, 'iso-2022-jp')
  if (/2022-?kr/.test(label)) return lines => eucKr.decode(liftShiftOut(lines))
  if (/2022-?cn/.test(label)) return lines => gbk.decode(liftShiftOut(lines))
  return undefined
}

// Each holds ASCII, and the pairs of its seven-bit sister with their high bits set.
const [gbk, eucKr] = [new TextDecoder('gbk'), new TextDecoder('euc-kr')]
const lift = (byte: number) => (byte > 0x20 ? byte | 0x80 : byte)

/** RFC 1843: `~{` opens pairs of GB 2312 without their high bits, `~}` and the line's end close them. */
function liftHz(bytes: Buffer): Buffer {
  const lifted = Buffer.allocUnsafe(bytes.length)
  let length = 0
  let inPairs = false
  for (let at = 0; at < bytes.length; at++) {
    const [byte = 0, next = 0] = [bytes[at], bytes[at + 1]]
    if (byte === lineFeed) inPairs = false
    if (byte === tilde && next === (inPairs ? close : open)) {
      inPairs = !inPairs
      at++
    } else if (inPairs) {
      lifted[length++] = lift(byte)
      // The second of a pair may look like the beginning of what closes them.
      if (at + 1 < bytes.length && next !== lineFeed) {
        lifted[length++] = lift(next)
        at++
      }
    } else if (byte === tilde && next === lineFeed) at++
    else {
      lifted[length++] = byte
      if (byte === tilde && next === tilde) at++
    }
  }
  return lifted.subarray(0, length)
}

/** RFC 1557 and 1922: SO opens pairs without their high bits, SI and the line's end close them. */
function liftShiftOut(bytes: Buffer): Buffer {
  const lifted = Buffer.allocUnsafe(bytes.length)
  let length = 0
  let inPairs = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (byte === lineFeed) inPairs = false
    if (byte === shiftOut || byte === shiftIn) inPairs = byte === shiftOut
    // Which charset the pairs are of is said before: ESC $ ) C.
    else if (byte === esc && bytes[at + 1] === dollar) at += 3
    else lifted[length++] = inPairs ? lift(byte) : byte
  }
  return lifted.subarray(0, length)
}
