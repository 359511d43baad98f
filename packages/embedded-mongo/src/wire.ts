import { type Doc, decode, encode } from './values.ts'

/** MongoDB's limit on one message. */
export const maxMessageBytes = 48_000_000

const opReply = 1
const opQuery = 2004
const opMsg = 2013
const headerBytes = 16
const moreToCome = 2
/** Bits 0 to 15 must be understood by the receiver; the rest may be ignored. No driver sends a checksum, bit 0. */
const requiredBits = 0xffff

/** A message that breaks the protocol: the connection is out of step and has to be closed. */
export class WireError extends Error {}

export interface Message {
  requestId: number
  command: Doc
  isLegacy: boolean
  wantsReply: boolean
}

/** Collects chunks into whole messages; a chunk is joined to others only once a message is complete. */
export function createFramer(): { push(chunk: Buffer): void; next(): Buffer | undefined } {
  let chunks: Buffer[] = []
  let available = 0

  function join(): Buffer {
    const whole = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
    chunks = [whole]
    return whole
  }

  function next(): Buffer | undefined {
    if (available < headerBytes) return undefined
    const head = (chunks[0] as Buffer).length < 4 ? join() : (chunks[0] as Buffer)
    const length = head.readInt32LE(0)
    if (length < headerBytes || length > maxMessageBytes) throw new WireError(`message length ${length}`)
    if (available < length) return undefined
    const whole = join()
    chunks = whole.length > length ? [whole.subarray(length)] : []
    available -= length
    return whole.subarray(0, length)
  }

  return {
    push(chunk) {
      chunks.push(chunk)
      available += chunk.length
    },
    next
  }
}

function readDocument(bytes: Buffer, offset: number, end: number): { doc: Doc; next: number } {
  if (offset + 5 > end) throw new WireError('truncated document')
  const length = bytes.readInt32LE(offset)
  const next = offset + length
  if (length < 5 || next > end) throw new WireError(`document length ${length}`)
  return { doc: decode(bytes.subarray(offset, next)), next }
}

function readCString(bytes: Buffer, offset: number, end: number): { text: string; next: number } {
  const zero = bytes.indexOf(0, offset)
  if (zero === -1 || zero >= end) throw new WireError('unterminated string')
  return { text: bytes.toString('utf8', offset, zero), next: zero + 1 }
}

function parseMsg(bytes: Buffer, requestId: number): Message {
  if (bytes.length < headerBytes + 4) throw new WireError('truncated OP_MSG')
  const flags = bytes.readUInt32LE(headerBytes)
  if ((flags & requiredBits & ~moreToCome) !== 0) throw new WireError(`OP_MSG flags ${flags}`)
  let command: Doc | undefined
  const sequences: [string, Doc[]][] = []
  let offset = headerBytes + 4
  while (offset < bytes.length) {
    const kind = bytes[offset]
    if (kind === 0) {
      if (command) throw new WireError('two body sections')
      const body = readDocument(bytes, offset + 1, bytes.length)
      command = body.doc
      offset = body.next
    } else if (kind === 1) {
      if (offset + 5 > bytes.length) throw new WireError('truncated section')
      const sectionEnd = offset + 1 + bytes.readInt32LE(offset + 1)
      if (sectionEnd <= offset + 5 || sectionEnd > bytes.length) throw new WireError('section length')
      const { text, next } = readCString(bytes, offset + 5, sectionEnd)
      const docs: Doc[] = []
      for (let at = next; at < sectionEnd; ) {
        const item = readDocument(bytes, at, sectionEnd)
        docs.push(item.doc)
        at = item.next
      }
      sequences.push([text, docs])
      offset = sectionEnd
    } else {
      throw new WireError(`section kind ${kind}`)
    }
  }
  if (!command) throw new WireError('no body section')
  for (const [name, docs] of sequences) {
    if (Object.hasOwn(command, name) || name === '__proto__') throw new WireError(`section ${name} given twice`)
    command[name] = docs
  }
  return { requestId, command, isLegacy: false, wantsReply: (flags & moreToCome) === 0 }
}

/** Only drivers' first hello still comes this way; it goes to the `$cmd` of some database. */
function parseQuery(bytes: Buffer, requestId: number): Message {
  const { text, next } = readCString(bytes, headerBytes + 4, bytes.length)
  if (!text.endsWith('.$cmd')) throw new WireError('OP_QUERY on a collection')
  const { doc } = readDocument(bytes, next + 8, bytes.length)
  return { requestId, command: { ...doc, $db: text.slice(0, -'.$cmd'.length) }, isLegacy: true, wantsReply: true }
}

/** Throws WireError or what the BSON parser throws; either way the connection is to be closed. */
export function parseMessage(bytes: Buffer): Message {
  const requestId = bytes.readInt32LE(4)
  const opCode = bytes.readInt32LE(12)
  if (opCode === opMsg) return parseMsg(bytes, requestId)
  if (opCode === opQuery) return parseQuery(bytes, requestId)
  throw new WireError(`opcode ${opCode}`)
}

export function writeReply({ requestId, isLegacy }: Message, reply: Doc): Buffer {
  const body = encode(reply)
  const prefixBytes = headerBytes + (isLegacy ? 20 : 5)
  const out = Buffer.alloc(prefixBytes + body.length)
  out.writeInt32LE(out.length, 0)
  out.writeInt32LE(requestId, 4) // ours: any number will do
  out.writeInt32LE(requestId, 8)
  out.writeInt32LE(isLegacy ? opReply : opMsg, 12)
  if (isLegacy) out.writeInt32LE(1, headerBytes + 16) // after flags, cursor and start, all zero: one document
  out.set(body, prefixBytes)
  return out
}
