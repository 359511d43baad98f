/** What no decoder should be given: UTF-7 hides markup, and the others would be read as windows-1252. */
const REFUSED = /^(utf-?7|unicode-1-1-utf-7|iso-2022-(kr|cn)|hz-gb-2312)/i

/** The text in that charset, or undefined where nobody here knows it. */
export function decodeCharset(bytes: Uint8Array, label: string): string | undefined {
  const name = label.trim().replace(/^["']|["']$/g, '')
  if (REFUSED.test(name)) return undefined
  try {
    return new TextDecoder(name).decode(bytes)
  } catch {
    return undefined
  }
}

export function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

/** A header's bytes: UTF-8 where they are (RFC 6532), else what old mailers meant. */
export function decodeHeaderBytes(bytes: Uint8Array): string {
  return new TextDecoder(isUtf8(bytes) ? 'utf-8' : 'windows-1252').decode(bytes)
}

const WORD = /=\?([A-Za-z0-9_.:-]+)(?:\*[A-Za-z-]+)?\?([BbQq])\?([^?\s]*)\?=/g

/** Encoded words decoded (RFC 2047); white space between two of them goes, and a character may be split over both. */
export function decodeWords(value: string): string {
  const joined = value.replace(/(=\?[^?\s]+\?[BbQq]\?[^?\s]*\?=)\s+(?==\?[^?\s]+\?[BbQq]\?[^?\s]*\?=)/g, '$1')
  let out = ''
  let position = 0
  let pending: { charset: string; bytes: Buffer[]; source: string } | undefined
  const flush = () => {
    if (pending) out += decodeCharset(Buffer.concat(pending.bytes), pending.charset) ?? pending.source
    pending = undefined
  }
  for (const match of joined.matchAll(WORD)) {
    const [source, charset = '', encoding = '', text = ''] = match
    if (match.index > position) {
      flush()
      out += joined.slice(position, match.index)
    }
    if (pending && pending.charset.toLowerCase() !== charset.toLowerCase()) flush()
    pending ??= { charset, bytes: [], source: '' }
    pending.bytes.push(/b/i.test(encoding) ? Buffer.from(text, 'base64') : decodeQ(text))
    pending.source += source
    position = match.index + source.length
  }
  flush()
  return out + joined.slice(position)
}

function decodeQ(text: string): Buffer {
  const bytes = text
    .replaceAll('_', ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1')
}
