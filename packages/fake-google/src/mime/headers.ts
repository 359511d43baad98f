import { decodeCharset, decodeHeaderBytes, decodeWords } from './charset.ts'

export interface Header {
  name: string
  /** Unfolded; encoded words stand as they came. */
  value: string
}

/** A header block's fields, in order. What is no field is left out. */
export function parseHeaders(block: Buffer): Header[] {
  const text = block.toString('latin1').replace(/\r?\n(?=[ \t])/g, '')
  const headers: Header[] = []
  for (const line of text.split(/\r?\n/)) {
    const match = /^([!-9;-~]+)[ \t]*:(.*)$/s.exec(line)
    if (!match) continue
    headers.push({ name: match[1] ?? '', value: decodeHeaderBytes(Buffer.from((match[2] ?? '').trim(), 'latin1')) })
  }
  return headers
}

export function headerValue(headers: readonly Header[], name: string): string | undefined {
  return headers.find(header => header.name.toLowerCase() === name.toLowerCase())?.value
}

export interface ParameterizedValue {
  /** In lower case. */
  value: string
  parameters: Record<string, string>
}

/** `text/plain; charset="x"; name*0*=…`: RFC 2045 with the continuations of RFC 2231 and, as mailers do, words of RFC 2047. */
export function parseParameters(header: string): ParameterizedValue {
  const [value = '', ...rest] = splitOutsideQuotes(header, ';')
  const plain: Record<string, string> = {}
  const pieces = new Map<string, { position: number; text: string; isEncoded: boolean }[]>()
  for (const item of rest) {
    const match = /^\s*([^\s=*]+)(?:\*(\d+))?(\*)?\s*=\s*(.*?)\s*$/s.exec(item)
    if (!match) continue
    const [, name = '', position, star, quoted = ''] = match
    const key = name.toLowerCase()
    const text = unquote(quoted)
    if (position === undefined && star === undefined) plain[key] ??= decodeWords(text)
    else
      pieces.set(key, [...(pieces.get(key) ?? []), { position: Number(position ?? 0), text, isEncoded: star === '*' }])
  }
  const extended = Object.fromEntries([...pieces].map(([key, list]) => [key, joinPieces(list)]))
  return { value: value.trim().toLowerCase(), parameters: { ...plain, ...extended } }
}

function joinPieces(list: { position: number; text: string; isEncoded: boolean }[]): string {
  let charset = 'utf-8'
  const bytes: Buffer[] = []
  for (const { position, text, isEncoded } of list.sort((one, other) => one.position - other.position)) {
    let piece = text
    if (position === 0 && isEncoded) {
      const match = /^([^']*)'[^']*'(.*)$/s.exec(text)
      if (match) [charset, piece] = [match[1] || 'utf-8', match[2] ?? '']
    }
    const raw = isEncoded
      ? piece.replace(/%([0-9A-Fa-f]{2})/g, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
      : piece
    bytes.push(Buffer.from(raw, isEncoded ? 'latin1' : 'utf8'))
  }
  const whole = Buffer.concat(bytes)
  return decodeCharset(whole, charset) ?? whole.toString('utf8')
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const items: string[] = []
  let current = ''
  let isQuoted = false
  for (let position = 0; position < text.length; position++) {
    const character = text[position] ?? ''
    if (character === '\\' && isQuoted) {
      current += character + (text[++position] ?? '')
      continue
    }
    if (character === '"') isQuoted = !isQuoted
    if (character === separator && !isQuoted) {
      items.push(current)
      current = ''
    } else current += character
  }
  return [...items, current]
}

function unquote(text: string): string {
  return /^".*"$/s.test(text) ? text.slice(1, -1).replace(/\\(.)/gs, '$1') : text
}

/** The bare addresses of a list header, groups included. */
export function addressesOf(value: string): string[] {
  return splitOutsideQuotes(value.replace(/\([^()]*\)/g, ''), ',')
    .map(item => item.replace(/^[^"<]*:(?=[^:]*$)/, '').replace(/;\s*$/, ''))
    .map(item => /<\s*([^<>]*?)\s*>\s*$/.exec(item)?.[1] ?? item.trim())
    .filter(address => /^\S+@\S+$/.test(address))
}
