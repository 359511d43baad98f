import { createHash } from 'node:crypto'
import type { Content } from '../content.ts'
import { createBodyDecoder } from './body-decoder.ts'
import { type Header, headerValue, parseHeaders, parseParameters } from './headers.ts'

/** A part of a mail as it was sent. */
export interface MimeNode {
  headers: Header[]
  /** In lower case, without parameters. */
  mimeType: string
  parts: MimeNode[]
  /** A leaf's, its transfer encoding undone. */
  body: { size: number; sha256: string; content: Content | undefined }
}

export interface MimeReader {
  write(chunk: Buffer): void
  /** The whole tree. */
  end(): MimeNode
  readonly size: number
}

interface Open {
  node: MimeNode
  /** Of a multipart, and undefined for everything else. */
  boundary: string | undefined
  /** Undefined while its headers are read, and for what is no leaf. */
  sink: ReturnType<typeof createBodyDecoder> | undefined
  /** What lies between boundaries, or before the first. */
  isSilent: boolean
}

const MAX_LINE_BYTES = 1_048_576

/**
 * Reads a mail line by line as it arrives (RFC 2045, 2046), so that 35 MB of it need not be held: bodies are kept up to
 * `keepBytes` in all, hashes and sizes always. Knows nothing of the code under test.
 */
export function createMimeReader({ keepBytes = Infinity }: { keepBytes?: number } = {}): MimeReader {
  const budget = { left: keepBytes }
  const root = open('text/plain')
  const stack: Open[] = [root]
  /** The forwarded mails that are open: each line inside is theirs too. */
  const forwarded: Open[] = []
  let headerLines: Buffer[] | undefined = []
  let rest: Buffer = Buffer.alloc(0)
  let size = 0

  function open(mimeType: string): Open {
    const node: MimeNode = { headers: [], mimeType, parts: [], body: { size: 0, sha256: '', content: undefined } }
    return { node, boundary: undefined, sink: undefined, isSilent: false }
  }

  function endHeaders(lines: Buffer[]): void {
    const top = stack[stack.length - 1]
    if (!top) return
    top.node.headers = parseHeaders(Buffer.concat(lines))
    headerLines = undefined
    const { value, parameters } = parseParameters(headerValue(top.node.headers, 'content-type') ?? '')
    if (/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(value)) top.node.mimeType = value
    const encoding = (headerValue(top.node.headers, 'content-transfer-encoding') ?? '').trim().toLowerCase()
    if (top.node.mimeType.startsWith('multipart/') && parameters.boundary !== undefined) {
      top.boundary = parameters.boundary
      top.isSilent = true
    } else if (top.node.mimeType === 'message/rfc822' && !/base64|quoted-printable/.test(encoding)) {
      // Its lines are a mail of their own, and its bytes an attachment.
      top.sink = createBodyDecoder('', budget)
      forwarded.push(top)
      const inner = open('text/plain')
      top.node.parts.push(inner.node)
      stack.push(inner)
      headerLines = []
    } else top.sink = createBodyDecoder(encoding, budget)
  }

  function closeTop(isEndOfMail = false): void {
    const top = stack.pop()
    if (!top) return
    if (forwarded.at(-1) === top) forwarded.pop()
    if (top.sink) top.node.body = top.sink.end(isEndOfMail)
    else top.node.body = { size: 0, sha256: createHash('sha256').digest('hex'), content: undefined }
  }

  function isBoundary(line: Buffer): boolean {
    if (line[0] !== 0x2d || line[1] !== 0x2d) return false
    const text = line.toString('latin1').replace(/[ \t\r\n]+$/, '')
    for (let depth = stack.length - 1; depth >= 0; depth--) {
      const boundary = stack[depth]?.boundary
      if (boundary === undefined) continue
      const isEnd = text === `--${boundary}--`
      if (!isEnd && text !== `--${boundary}`) continue
      if (headerLines) endHeaders(headerLines)
      while (stack.length - 1 > depth) closeTop()
      const owner = stack[depth]
      if (!owner) return false
      owner.isSilent = true
      if (isEnd) owner.boundary = undefined
      else {
        const child = open(owner.node.mimeType === 'multipart/digest' ? 'message/rfc822' : 'text/plain')
        owner.node.parts.push(child.node)
        stack.push(child)
        headerLines = []
      }
      return true
    }
    return false
  }

  function readLine(line: Buffer): void {
    if (isBoundary(line)) return
    for (const { sink } of forwarded) sink?.write(line)
    const top = stack[stack.length - 1]
    if (headerLines) {
      if (line.toString('latin1').trim() === '') endHeaders(headerLines)
      else headerLines.push(line)
    } else if (top && !top.isSilent && top !== forwarded.at(-1)) top.sink?.write(line)
  }

  return {
    get size() {
      return size
    },
    write(chunk) {
      size += chunk.length
      let start = 0
      const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
        readLine(bytes.subarray(start, end + 1))
        start = end + 1
      }
      rest = bytes.subarray(start)
      if (rest.length > MAX_LINE_BYTES) {
        readLine(rest)
        rest = Buffer.alloc(0)
      }
    },
    end() {
      if (rest.length > 0) readLine(rest)
      if (headerLines) endHeaders(headerLines)
      while (stack.length > 0) closeTop(true)
      return root.node
    }
  }
}
