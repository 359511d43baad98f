import { CodedError, GuichetError } from '../../errors.ts'
import { maxDepth, maxParts } from './mime/walk.ts'

/** The limit for all strings under the key `data` together: bodies of 5 MiB in base64. */
const maxDataLength = 7 * 1024 * 1024
/** The limit for any other string, in bytes: enough for the longest header, with escapes. */
const maxStringLength = 128 * 1024
/** The limit for everything that is kept, in bytes. */
const maxKeptLength = 16 * 1024 * 1024
/** The limit for parts and headers, of all mails in the answer together. */
const maxElements = 60_000
const maxNesting = 1000
const maxNestingLeftOut = 100_000

export interface JsonCutter {
  write(chunk: Uint8Array): void
  /** What is kept, as JSON. */
  end(): string
}

interface Frame {
  isArray: boolean
  /** Its key in the object around it. */
  key: string
  /** How many `parts` there are from the mail's root to here. */
  depth: number
  /** How many of its elements are kept. */
  kept: number
}

const [quote, backslash, comma, u] = [0x22, 0x5c, 0x2c, 0x75]
const [openObject, closeObject, openArray, closeArray] = [0x7b, 0x7d, 0x5b, 0x5d]
const separator = Buffer.from(',')

/**
 * Reads an answer of Gmail as it arrives, and keeps what a mail may hold: long strings are cut, parts and headers past
 * their limit are left out. The rest is JSON again, and small enough to be parsed in one go: a mail of 40 MB is never in
 * memory as a whole. One part and one level more than the limits stay, to show that there were more.
 * @throws (write) GuichetError `google_invalid_response` for what is too large or too deep all the same
 */
export function createJsonCutter(): JsonCutter {
  const slices: Buffer[] = []
  const frames: Frame[] = []
  let slice: { of: Buffer; start: number; end: number } = { of: separator, start: 0, end: 0 }
  let keptLength = 0
  let dataLeft = maxDataLength
  let partsLeft = maxParts + 1
  let elementsLeft = maxElements
  /** While an element is left out: how many frames there were when it began. Otherwise -1. */
  let leftOutAt = -1
  let expectsKey = false
  let key = ''
  /** The string that is being read, and the part of its escape sequence that has arrived. */
  let string: { isKey: boolean; isData: boolean; left: number } | undefined
  let pending: number[] = []

  function keep(of: Buffer, start: number, end: number): void {
    if (leftOutAt >= 0 || start === end) return
    keptLength += end - start
    if (keptLength > maxKeptLength) throw tooLarge()
    if (slice.of === of && slice.end === start) slice.end = end
    else {
      slices.push(slice.of.subarray(slice.start, slice.end))
      slice = { of, start, end }
    }
  }

  /** A piece of the string: what no longer fits is left out, and so is all that follows it. */
  function keepText(of: Buffer, start: number, end: number, whole: boolean): void {
    if (!string || string.left === 0) return
    const { left } = string
    const length = end - start
    const fits = length <= left ? length : whole ? 0 : left
    keep(of, start, start + fits)
    string.left = length <= left ? left - length : 0
    if (string.isData && leftOutAt < 0) dataLeft -= fits
    if (string.isKey) key += of.toString('latin1', start, start + fits)
  }

  function beginString(): void {
    const isData = !expectsKey && key === 'data'
    string = { isKey: expectsKey, isData, left: expectsKey ? 256 : isData ? dataLeft : maxStringLength }
    if (expectsKey) key = ''
  }

  const isCounted = (frame: Frame | undefined) => frame?.isArray && (frame.key === 'parts' || frame.key === 'headers')

  function beginElement(frame: Frame): void {
    if (leftOutAt >= 0) return
    const isPart = frame.key === 'parts'
    if (elementsLeft === 0 || (isPart && (partsLeft === 0 || frame.depth > maxDepth + 1))) {
      leftOutAt = frames.length
      return
    }
    elementsLeft--
    if (isPart) partsLeft--
    if (frame.kept++ > 0) keep(separator, 0, 1)
  }

  function open(isArray: boolean): void {
    const above = frames.at(-1)
    if (above && isCounted(above)) beginElement(above)
    if (above?.isArray && above.key === 'messages') partsLeft = maxParts + 1
    const own = above?.isArray ? '' : key
    frames.push({ isArray, key: own, depth: (above?.depth ?? 0) + (isArray && own === 'parts' ? 1 : 0), kept: 0 })
    if (frames.length > (leftOutAt < 0 ? maxNesting : maxNestingLeftOut)) throw tooLarge()
    expectsKey = !isArray
  }

  /** Reads on inside a string and gives where the chunk goes on behind it. */
  function readString(chunk: Buffer, from: number, marks: Marks): number {
    let at = from
    while (at < chunk.length) {
      if (pending.length > 0) {
        pending.push(chunk[at++] ?? 0)
        if (pending.length < (pending[1] === u ? 6 : 2)) continue
        // Where it lies in one piece, it stays one with what surrounds it.
        const start = at - pending.length
        if (start >= from) keepText(chunk, start, at, true)
        else keepText(Buffer.from(pending), 0, pending.length, true)
        pending = []
        continue
      }
      const end = marks.next(at)
      keepText(chunk, at, end, false)
      at = end
      if (at === chunk.length) break
      if (chunk[at] === quote) {
        string = undefined
        break
      }
      pending = [backslash]
      at++
    }
    return at
  }

  function write(bytes: Uint8Array): void {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const marks = createMarks(chunk)
    let at = 0
    while (at < chunk.length) {
      if (string) {
        at = readString(chunk, at, marks)
        if (string) return
        keep(chunk, at, at + 1)
        at++
        continue
      }
      const byte = chunk[at]
      let dropped = false
      if (byte === quote) beginString()
      else if (byte === openObject || byte === openArray) open(byte === openArray)
      else if (byte === closeObject || byte === closeArray) {
        if (leftOutAt === frames.length) leftOutAt = -1
        frames.pop()
        expectsKey = false
      } else if (byte === comma) {
        if (leftOutAt === frames.length) leftOutAt = -1
        const frame = frames.at(-1)
        dropped = isCounted(frame) === true
        expectsKey = frame !== undefined && !frame.isArray
      } else if (byte === 0x3a) expectsKey = false
      if (!dropped) keep(chunk, at, at + 1)
      at++
    }
  }

  return {
    write,
    /** What was kept, as text: not yet known to be JSON. */
    end: () => Buffer.concat([...slices, slice.of.subarray(slice.start, slice.end)]).toString('utf8')
  }
}

interface Marks {
  /** Where the next quote or backslash stands, or the chunk ends. */
  next(from: number): number
}

/** Each kind is searched for once: searching for both at every one of them would take quadratic time. */
function createMarks(chunk: Buffer): Marks {
  const find = (byte: number) => {
    let found = -1
    return (from: number) => {
      if (found < from) {
        const at = chunk.indexOf(byte, from)
        found = at < 0 ? chunk.length : at
      }
      return found
    }
  }
  const [nextQuote, nextBackslash] = [find(quote), find(backslash)]
  return { next: from => Math.min(nextQuote(from), nextBackslash(from)) }
}

const tooLarge = () => new GuichetError('google_invalid_response', { cause: new CodedError('answer_too_large') })
