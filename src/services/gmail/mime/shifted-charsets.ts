import { decode as decodeByLibmime } from 'libmime/lib/charset.js'

const [esc, shiftOut, shiftIn] = ['\u001b', '\u000e', '\u000f']
const designation = new RegExp(`${esc}\\$[)*+][A-Z]`, 'g')
const shiftedRun = new RegExp(`${shiftOut}([^${shiftIn}\\n]*)${shiftIn}?`, 'g')

// One for all runs: a body may have a million.
const [gbk, eucKr] = [new TextDecoder('gbk'), new TextDecoder('euc-kr')]
type Decoder = typeof gbk

/** Seven-bit encodings: what marks their text, without which their label means nothing. */
const marks: readonly [label: RegExp, mark: RegExp][] = [
  [/^(?:cs)?iso-?2022-?(?:jp|kr|cn)/, new RegExp(`${esc}[$(]`)],
  [/^hz(?:-gb-?2312)?$/, /~\{/]
]

/** Whether the bytes are in the seven-bit encoding that the label names: they then pass for ASCII too. */
export function isShifted(label: string, bytes: Buffer): boolean {
  const mark = marks.find(([named]) => named.test(label))?.[1]
  return mark?.test(bytes.toString('latin1')) ?? false
}

/** Undefined where the label names no such encoding. Lines are whole: at a line's end each of them is back in ASCII. */
export function toShiftedDecode(label: string): ((lines: Buffer) => string) | undefined {
  if (label.startsWith('hz')) return lines => decodeHz(lines.toString('latin1'))
  if (/2022-?jp/.test(label)) return lines => decodeByLibmime(lines, 'iso-2022-jp')
  if (/2022-?kr/.test(label)) return lines => decodeShiftOut(lines.toString('latin1'), eucKr)
  if (/2022-?cn/.test(label)) return lines => decodeShiftOut(lines.toString('latin1'), gbk)
  return undefined
}

/** RFC 1843: `~{` opens pairs of GB 2312 without their high bits, `~}` and the line's end close them. */
function decodeHz(text: string): string {
  return text.replace(/~\{([^\n]*?)(?:~\}|(?=\n)|$)|~~|~\n/g, (found, pairs?: string) =>
    pairs === undefined ? (found === '~~' ? '~' : '') : withHighBits(pairs, gbk)
  )
}

/** RFC 1557 and 1922: SO opens pairs without their high bits, SI and the line's end close them. */
function decodeShiftOut(text: string, decoder: Decoder): string {
  return text.replace(designation, '').replace(shiftedRun, (_, pairs: string) => withHighBits(pairs, decoder))
}

function withHighBits(pairs: string, decoder: Decoder): string {
  return decoder.decode(Buffer.from(pairs, 'latin1').map(byte => (byte > 0x20 ? byte | 0x80 : byte)))
}
