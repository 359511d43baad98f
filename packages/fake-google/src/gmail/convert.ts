import { type Content, toBytes, toContent } from '../content.ts'
import { decodeCharset, decodeWords, isUtf8 } from '../mime/charset.ts'
import { type Header, headerValue, parseParameters } from '../mime/headers.ts'
import { createMimeReader, type MimeNode } from '../mime/reader.ts'
import { leavesOf, type Mail, type Part } from './message.ts'

/** How Gmail renders what it received. It is not known which form Gmail uses when: a client must read both. */
export interface Rendering {
  /** Text bodies converted to UTF-8 under their old charset label (default), or left as they came. */
  bodies: 'utf-8' | 'declared'
  /** Encoded words decoded, without adding quotes (default), or left as they came. */
  headers: 'decoded' | 'encoded'
  /** Text without a file name stands in the message up to this size, and behind an attachmentId beyond it. */
  inPlaceBytes: number
}

export const DEFAULT_RENDERING: Rendering = { bodies: 'utf-8', headers: 'decoded', inPlaceBytes: 32 * 1024 * 1024 }

/** Named text up to this size stands in the message too. */
const SMALL_FILE_BYTES = 256

/** Gmail's resource of a mail, from its bytes. */
export function toMail(raw: string | Buffer, rendering: Rendering = DEFAULT_RENDERING): Mail {
  const bytes = Buffer.from(raw)
  const reader = createMimeReader()
  reader.write(bytes)
  return fromNode(reader.end(), toContent(bytes), rendering)
}

export function fromNode(node: MimeNode, raw: Content, rendering: Rendering = DEFAULT_RENDERING): Mail {
  const root = toPart(node, '', rendering)
  return { root, raw, snippet: toSnippet(root) }
}

function toPart(top: MimeNode, topId: string, rendering: Rendering): Part {
  const root = toBarePart(top, topId, rendering)
  const waiting: [MimeNode, Part][] = [[top, root]]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [node, part] = next
    for (const [position, child] of node.parts.entries()) {
      const childPart = toBarePart(
        child,
        part.partId === '' ? String(position) : `${part.partId}.${position}`,
        rendering
      )
      part.parts.push(childPart)
      waiting.push([child, childPart])
    }
  }
  return root
}

function toBarePart(node: MimeNode, partId: string, rendering: Rendering): Part {
  const headers = rendering.headers === 'encoded' ? node.headers : node.headers.map(toDecoded)
  const filename = filenameOf(node)
  const isContainer = node.mimeType.startsWith('multipart/')
  const isText = node.mimeType.startsWith('text/')
  const isBody = isText && filename === '' && !isAttached(node)
  const content = isContainer ? undefined : toServed(node, isBody, rendering)
  const size = content?.size ?? 0
  const isInPlace = isBody ? size <= rendering.inPlaceBytes : isText && size <= SMALL_FILE_BYTES
  return { partId, mimeType: node.mimeType, filename, headers, parts: [], content, isInPlace }
}

function toDecoded({ name, value }: Header): Header {
  return { name, value: decodeWords(value) }
}

export function filenameOf(node: MimeNode): string {
  const named = (header: string, parameter: string) =>
    parseParameters(headerValue(node.headers, header) ?? '').parameters[parameter] ?? ''
  return named('content-disposition', 'filename') || named('content-type', 'name')
}

function isAttached(node: MimeNode): boolean {
  return parseParameters(headerValue(node.headers, 'content-disposition') ?? '').value === 'attachment'
}

function toServed(node: MimeNode, isBody: boolean, rendering: Rendering): Content {
  const content = node.body.content ?? { size: node.body.size, chunks: () => [] }
  if (!isBody || rendering.bodies === 'declared') return content
  const { charset } = parseParameters(headerValue(node.headers, 'content-type') ?? '').parameters
  if (charset === undefined || /^utf-?8$/i.test(charset)) return content
  const bytes = toBytes(content)
  // A label that lies about UTF-8 does no harm; 7-bit encodings are valid UTF-8 without being it.
  if (bytes.some(byte => byte > 0x7f) && isUtf8(bytes)) return content
  const text = decodeCharset(bytes, charset)
  return text === undefined ? content : toContent(text)
}

const SNIPPET_CHARACTERS = 200
const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** The first words of the body, entity-escaped as Gmail does it. */
export function toSnippet(root: Part): string {
  const bodies = leavesOf(root).filter(part => part.filename === '' && part.mimeType.startsWith('text/'))
  const body = bodies.find(part => part.mimeType === 'text/plain') ?? bodies[0]
  let head = ''
  for (const chunk of body?.content?.chunks() ?? []) {
    head += chunk.toString('utf8')
    if (head.length > 4096) break
  }
  const text = body?.mimeType === 'text/html' ? head.replace(/<(style|script)[\s\S]*?<\/\1>|<[^>]*>/gi, ' ') : head
  const words = text.replace(/\s+/g, ' ').trim().slice(0, SNIPPET_CHARACTERS)
  return words.replace(/[&<>"']/g, character => ENTITIES[character] ?? character)
}
