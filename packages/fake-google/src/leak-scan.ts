/**
 * Finds secrets in bytes, in 7 encodings. The cost does not grow with the number of secrets: every
 * needle is indexed by its last characters (the random end of a token), and the haystack is walked once.
 */
export type Encoding = 'raw' | 'base64' | 'base64url' | 'hex' | 'url-encoded' | 'json-escaped' | 'double-base64'

export interface Needle<T> {
  text: string
  encoding: Encoding
  owner: T
}

export interface Found<T> {
  owner: T
  encoding: Encoding
  start: number
  end: number
}

export type NeedleIndex<T> = Map<string, Needle<T>[]>

const KEY_LENGTH = 10
/** The end of a secret stands for all of it: thirty spellings of a whole id_token would fill the memory. */
const TAIL_LENGTH = 64
/** Shorter values would be found everywhere. */
const MIN_LENGTH = 12

// Base64 of a longer text contains the value at one of three alignments; the characters at both
// ends depend on the neighbours and are cut off.
function alignedBase64(value: string): string[] {
  const bytes = Buffer.from(value)
  return [0, 1, 2].map(shift => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    const head = shift === 0 ? 0 : shift + 1
    const tail = (bytes.length + shift) % 3 === 0 ? text.length : text.length - 1
    return text.slice(head, tail)
  })
}

function toBase64Url(text: string): string {
  return text.replaceAll('+', '-').replaceAll('/', '_')
}

function spellings(value: string): Array<[Encoding, string]> {
  const base64 = alignedBase64(value)
  const hex = Buffer.from(value).toString('hex')
  const url = encodeURIComponent(value)
  const doubled = base64.flatMap(text => [...alignedBase64(text), ...alignedBase64(toBase64Url(text))])
  const inJson = JSON.stringify(value).slice(1, -1)
  return [
    ['raw', value],
    ...base64.map((text): [Encoding, string] => ['base64', text]),
    ...base64.map((text): [Encoding, string] => ['base64url', toBase64Url(text)]),
    ['hex', hex],
    ['hex', hex.toUpperCase()],
    ['url-encoded', url],
    ['url-encoded', url.replace(/%../g, hex => hex.toLowerCase())],
    // A slash may be written \/ or by its code.
    ...['/', '\\/', '\\u002f', '\\u002F'].map((slash): [Encoding, string] => [
      'json-escaped',
      inJson.replaceAll('/', slash)
    ]),
    ...doubled.flatMap(
      (text): Array<[Encoding, string]> => [
        ['double-base64', text],
        ['double-base64', toBase64Url(text)]
      ]
    )
  ]
}

// One character per byte, on both sides: no byte of a dump is lost to a decoder.
function toLatin1(text: string | Buffer): string {
  return Buffer.from(text).toString('latin1')
}

/** Adds a value in all its spellings; values under 12 characters are left out. */
export function addNeedles<T>(index: NeedleIndex<T>, value: string, owner: T): void {
  if (value.length < MIN_LENGTH) return
  const seen = new Set<string>()
  for (const [encoding, spelling] of spellings(value.slice(-TAIL_LENGTH))) {
    const text = toLatin1(spelling)
    if (seen.has(text) || text.length < KEY_LENGTH) continue
    seen.add(text)
    const key = text.slice(-KEY_LENGTH)
    const bucket = index.get(key)
    if (bucket) bucket.push({ text, encoding, owner })
    else index.set(key, [{ text, encoding, owner }])
  }
}

/** Every occurrence, in the order of the haystack. */
export function scan<T>(index: NeedleIndex<T>, haystack: string | Buffer): Found<T>[] {
  const text = toLatin1(haystack)
  const found: Found<T>[] = []
  for (let end = KEY_LENGTH; end <= text.length; end++) {
    const bucket = index.get(text.slice(end - KEY_LENGTH, end))
    if (!bucket) continue
    for (const needle of bucket) {
      const start = end - needle.text.length
      if (start >= 0 && text.startsWith(needle.text, start)) {
        found.push({ owner: needle.owner, encoding: needle.encoding, start, end })
      }
    }
  }
  return found
}
