import { Readable } from 'node:stream'
import type MimeNode from 'nodemailer/lib/mime-node'
import { lazily } from '../../lazily.ts'
import type { Address } from './mime/addresses.ts'
import type { OutgoingFile } from './outgoing.ts'

const mimeFuncs = lazily<typeof import('nodemailer/lib/mime-funcs')>('nodemailer/lib/mime-funcs')
const mimeNode = lazily<typeof MimeNode>('nodemailer/lib/mime-node')

/** A mail, ready to be written. */
export interface Mail {
  from: Address
  to: Address[]
  cc: Address[]
  bcc: Address[]
  replyTo: Address[]
  subject: string
  text: string | undefined
  html: string | undefined
  inReplyTo: string | undefined
  references: string[]
  headers: Record<string, string>
  /** With its angle brackets. */
  messageId: string
  date: Date
  files: OutgoingFile[]
  /** Files that arrive one after the other, after those; their number is not known yet. */
  moreFiles?: AsyncIterable<OutgoingFile>
}

/** A header that repeats our Message-ID, which Gmail may replace: by it a mail is found again after a lost answer. */
export const ownIdHeader = 'X-Guichet-Message-ID'

/**
 * The mail as RFC 5322 has it, written while it is read: a file is opened when its turn comes, and is never in memory as
 * a whole. Text and html are alternatives; files that the html shows are beside it (multipart/related), other files follow
 * (multipart/mixed). Bcc stays: Gmail reads its recipients there and removes it.
 */
export async function* composeMail(mail: Mail): AsyncGenerator<Buffer> {
  const shown = mail.html === undefined ? [] : mail.files.filter(isShown)
  const attached = mail.files.filter(file => !shown.includes(file))
  const hasFiles = attached.length > 0 || mail.moreFiles !== undefined
  if (!hasFiles) {
    yield* read(withHeaders(await createBody(mail, shown), mail))
    return
  }
  const root = withHeaders(new (mimeNode())('multipart/mixed', nodeOptions), mail)
  yield Buffer.from(`${root.buildHeaders()}\r\n\r\n`)
  const boundary = `--${root.boundary}`
  async function* part(node: MimeNode) {
    yield Buffer.from(`${boundary}\r\n`)
    yield* read(node)
    yield Buffer.from('\r\n')
  }
  yield* part(await createBody(mail, shown, root))
  for (const file of attached) yield* part(await createFile(file, root))
  if (mail.moreFiles) for await (const file of mail.moreFiles) yield* part(await createFile(file, root))
  yield Buffer.from(`${boundary}--\r\n`)
}

const nodeOptions = { keepBcc: true, disableFileAccess: true, disableUrlAccess: true, newline: '\r\n' } as const

function withHeaders(node: MimeNode, mail: Mail): MimeNode {
  node.keepBcc = true
  // Ours last, so that the app's headers cannot replace them.
  for (const [name, value] of Object.entries(mail.headers)) node.addHeader(name, toHeaderText(value))
  const people = (list: Address[]) => list.map(({ name, address }) => ({ name: oneLine(name), address }))
  node.setHeader('From', people([mail.from]))
  for (const [name, list] of Object.entries({ To: mail.to, Cc: mail.cc, Bcc: mail.bcc, 'Reply-To': mail.replyTo }))
    if (list.length > 0) node.setHeader(name, people(list))
  node.setHeader('Subject', toHeaderText(mail.subject))
  if (mail.inReplyTo) node.setHeader('In-Reply-To', mail.inReplyTo)
  if (mail.references.length > 0) node.setHeader('References', mail.references.join(' '))
  node.setHeader('Message-ID', mail.messageId)
  node.setHeader(ownIdHeader, mail.messageId)
  node.setHeader('Date', mail.date.toUTCString().replace('GMT', '+0000'))
  return node
}

/** Text and html, with what the html shows. */
async function createBody({ text, html }: Mail, shown: OutgoingFile[], parent?: MimeNode): Promise<MimeNode> {
  const create = (type: string, under: MimeNode | undefined) =>
    under ? under.createChild(type, nodeOptions) : new (mimeNode())(type, nodeOptions)
  const createText = (type: string, content: string, under: MimeNode | undefined) =>
    create(`${type}; charset=utf-8`, under).setContent(content)
  const createHtml = async (content: string, under: MimeNode | undefined) => {
    if (shown.length === 0) return createText('text/html', content, under)
    const related = create('multipart/related; type="text/html"', under)
    createText('text/html', content, related)
    for (const file of shown) await createFile(file, related)
    return related
  }
  if (html === undefined) return createText('text/plain', text ?? '', parent)
  if (text === undefined) return createHtml(html, parent)
  const alternative = create('multipart/alternative', parent)
  createText('text/plain', text, alternative)
  await createHtml(html, alternative)
  return alternative
}

/** Opened now where its name or type is not known before, else when it is read. */
async function createFile(file: OutgoingFile, parent: MimeNode): Promise<MimeNode> {
  const { contentId, inline } = file
  const isKnown = file.filename !== undefined && file.mimeType !== undefined
  const opened = isKnown ? undefined : await file.open()
  const filename = file.filename ?? opened?.filename ?? 'noname'
  const mimeType = file.mimeType ?? opened?.mimeType ?? ''
  // A part that holds a mail may not be in base64, and one that claims to hold parts would have to have them.
  const isMail = /^message\//i.test(mimeType)
  const isPlain = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(mimeType) && !/^multipart\//i.test(mimeType)
  const type = isPlain ? mimeType : 'application/octet-stream'
  const node = parent.createChild(type, { ...nodeOptions, filename: oneLine(filename) })
  node.setHeader('Content-Transfer-Encoding', isMail ? '8bit' : 'base64')
  node.setHeader('Content-Disposition', inline ? 'inline' : 'attachment')
  if (contentId) node.setHeader('Content-ID', `<${oneLine(contentId).replace(/[<>\s]/g, '')}>`)
  async function* bytes(): AsyncGenerator<Uint8Array> {
    const content = (opened ?? (await file.open())).bytes
    if (Buffer.isBuffer(content)) yield content
    else yield* content
  }
  return node.setContent(Readable.from(bytes(), { objectMode: false }))
}

async function* read(node: MimeNode): AsyncGenerator<Buffer> {
  yield* node.createReadStream() as AsyncIterable<Buffer>
}

function isShown({ contentId, inline }: OutgoingFile): boolean {
  return inline && contentId !== undefined
}

/** Text that looks like an encoded word would be decoded by readers, so it is encoded itself. */
function toHeaderText(text: string): string {
  const line = oneLine(text)
  return line.includes('=?') ? mimeFuncs().encodeWord(line, 'Q', 52) : line
}

/** A line break in a header's value would begin another header. */
function oneLine(text: string): string {
  return text.replace(/[\r\n\0]+/g, ' ')
}
