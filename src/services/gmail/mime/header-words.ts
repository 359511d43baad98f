import { lazily } from '../../../lazily.ts'

const libmime = lazily<typeof import('libmime').default>('libmime')

/** A header longer than this is cut: nobody wrote it by hand, and parsers of headers are not all linear. */
const maxHeaderLength = 65_536

/** A header's value on one line, its encoded words (RFC 2047) read. Gmail has decoded the well-formed ones already. */
export function readHeaderText(value: string): string {
  return decodeWords(unfold(value))
}

/** On one line, without control characters, cut to what a header may be. */
export function unfold(value: string): string {
  return value
    .slice(0, maxHeaderLength)
    .replace(/\r?\n[ \t]*|\t/g, ' ')
    .replace(/\p{Cc}/gu, '')
    .trim()
}

/**
 * Decodes what still holds an encoded word, and leaves everything else as it is. As in bodies, a word whose label is UTF-8,
 * ASCII or unknown, and whose bytes are not UTF-8, is windows-1252.
 */
export function decodeWords(text: string): string {
  if (!text.includes('=?')) return text
  const decoded = libmime().decodeWords(text)
  const damage = decoded.split('\ufffd').length - 1
  const readable = damage > 0 ? (decoded.match(/[^\0-\x7f\ufffd]/gu)?.length ?? 0) : 0
  const best = damage > readable ? libmime().decodeWords(relabel(text)) : decoded
  return best.replace(/\p{Cc}/gu, '')
}

function relabel(text: string): string {
  return text.replace(/=\?([^?*\s]{1,40})(?:\*[^?\s]{0,40})?\?(?=[bq]\?)/gi, (word, label: string) =>
    /^(?:utf-?8|us-ascii|ascii)$/i.test(label) || !isKnown(label) ? '=?windows-1252?' : word
  )
}

function isKnown(label: string): boolean {
  try {
    return Boolean(new TextDecoder(label))
  } catch {
    return false
  }
}

export interface StructuredHeader {
  /** In lower case. */
  value: string
  /** Names in lower case. Without a prototype: a mail may name its parameters as it likes. */
  params: Record<string, string>
}

/** `attachment; filename*0*=…` (RFC 2231), with the encoded words that many mailers put into quotes. */
export function readStructured(value: string): StructuredHeader {
  const { value: token, params } = libmime().parseHeaderValue(value.slice(0, maxHeaderLength))
  const read = Object.entries(params).map(([name, text]) => [name, decodeWords(String(text))] as const)
  return {
    value: String(token).trim().toLowerCase(),
    params: Object.assign(Object.create(null), Object.fromEntries(read))
  }
}
