import { randomBytes } from 'node:crypto'
import { type Content, concatContents, generatedContent, toBase64Lines, toContent } from '../content.ts'
import type { Header } from '../mime/headers.ts'
import { DEFAULT_RENDERING, type Rendering, toSnippet } from './convert.ts'
import type { Mail, Part } from './message.ts'

export interface AttachmentSeed {
  filename: string
  mimeType?: string
  /** `{ bytes }`: that many, made while they are read. */
  content: string | Buffer | { bytes: number }
  /** Shown inside the html. */
  contentId?: string
}

/** A mail told by its parts: for seeds, and for mails too large to hold. */
export interface DescribedMail {
  subject: string
  from: string
  /** Default: the mailbox's own address. */
  to?: string
  cc?: string
  /** The plain text; a number gives that many bytes of it. */
  body: string | number
  html?: string | number
  attachments?: AttachmentSeed[]
  messageId?: string
  inReplyTo?: string
  references?: string
  /** Further ones, in order. */
  headers?: Header[]
}

interface Entity {
  headers: Header[]
  mimeType: string
  filename: string
  content: Content | undefined
  /** As the mail carries it. */
  wire: Content
  parts: Entity[]
  isInPlace: boolean
}

/** The mail with its bodies made only while they are read; `to` and the date are the mailbox's. */
export function describeMail(
  mail: DescribedMail,
  { to, dateMs, messageId }: { to: string; dateMs: number; messageId: string },
  rendering: Rendering = DEFAULT_RENDERING
): Mail {
  const texts = [toText('text/plain', mail.body, rendering)]
  if (mail.html !== undefined) texts.push(toText('text/html', mail.html, rendering))
  const files = (mail.attachments ?? []).map(toFile)
  const body = joined('alternative', texts)
  const inline = files.filter((_file, position) => mail.attachments?.[position]?.contentId !== undefined)
  const related = inline.length > 0 ? joined('related', [body, ...inline]) : body
  const top = joined('mixed', [related, ...files.filter(file => !inline.includes(file))])
  const optional = { Cc: mail.cc, 'In-Reply-To': mail.inReplyTo, References: mail.references }
  const headers: Header[] = [
    { name: 'From', value: mail.from },
    { name: 'To', value: mail.to ?? to },
    ...Object.entries(optional).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }])),
    { name: 'Subject', value: mail.subject },
    { name: 'Date', value: new Date(dateMs).toUTCString() },
    { name: 'Message-ID', value: mail.messageId ?? messageId },
    ...(mail.headers ?? []),
    { name: 'MIME-Version', value: '1.0' }
  ]
  top.headers = [...headers, ...top.headers]
  const root = toPart(top, '')
  return { root, raw: toWire(top), snippet: toSnippet(root) }
}

function toText(mimeType: string, text: string | number, rendering: Rendering): Entity {
  const content = typeof text === 'string' ? toContent(text) : letters(text)
  const isShort = typeof text === 'string'
  return {
    headers: [
      { name: 'Content-Type', value: `${mimeType}; charset="UTF-8"` },
      { name: 'Content-Transfer-Encoding', value: isShort ? '8bit' : 'base64' }
    ],
    mimeType,
    filename: '',
    content,
    wire: isShort ? concatContents([content, toContent('\r\n')]) : toBase64Lines(content),
    parts: [],
    isInPlace: content.size <= rendering.inPlaceBytes
  }
}

function toFile({ filename, mimeType = 'application/octet-stream', content, contentId }: AttachmentSeed): Entity {
  const bytes =
    typeof content === 'object' && 'bytes' in content
      ? generatedContent(content.bytes)
      : toContent(content as string | Buffer)
  const disposition = contentId === undefined ? 'attachment' : 'inline'
  return {
    headers: [
      { name: 'Content-Type', value: mimeType },
      { name: 'Content-Disposition', value: `${disposition}; filename="${filename}"` },
      { name: 'Content-Transfer-Encoding', value: 'base64' },
      ...(contentId === undefined ? [] : [{ name: 'Content-ID', value: `<${contentId}>` }])
    ],
    mimeType,
    filename,
    content: bytes,
    wire: toBase64Lines(bytes),
    parts: [],
    isInPlace: false
  }
}

/** The only one as it is, several in a multipart. */
function joined(subtype: string, parts: Entity[]): Entity {
  const [only] = parts
  if (parts.length === 1 && only) return only
  const boundary = randomBytes(12).toString('hex')
  const line = (text: string) => toContent(text)
  const wire = concatContents([
    ...parts.flatMap(part => [line(`--${boundary}\r\n`), toWire(part), line('\r\n')]),
    line(`--${boundary}--\r\n`)
  ])
  return {
    headers: [{ name: 'Content-Type', value: `multipart/${subtype}; boundary="${boundary}"` }],
    mimeType: `multipart/${subtype}`,
    filename: '',
    content: undefined,
    wire,
    parts,
    isInPlace: false
  }
}

function toWire({ headers, wire }: Entity): Content {
  return concatContents([
    toContent(`${headers.map(({ name, value }) => `${name}: ${value}`).join('\r\n')}\r\n\r\n`),
    wire
  ])
}

function toPart(entity: Entity, partId: string): Part {
  const { headers, mimeType, filename, content, isInPlace } = entity
  const parts = entity.parts.map((part, position) =>
    toPart(part, partId === '' ? String(position) : `${partId}.${position}`)
  )
  return { partId, mimeType, filename, headers, parts, content, isInPlace }
}

const LINE = Buffer.from('The quick brown fox jumps over the lazy dog, once and once again.\r\n'.repeat(900))

function letters(size: number): Content {
  return {
    size,
    *chunks() {
      for (let left = size; left > 0; left -= LINE.length) yield LINE.subarray(0, Math.min(left, LINE.length))
    }
  }
}
