import { setImmediate as breathe } from 'node:timers/promises'
import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import type { ToText } from './html-text.ts'
import { type Address, readAddresses } from './mime/addresses.ts'
import { decodeText } from './mime/charset.ts'
import { readDate } from './mime/date.ts'
import { isFlowed, unflow } from './mime/flowed.ts'
import { readHeaderText, unfold } from './mime/header-words.ts'
import { readSnippet } from './mime/snippet.ts'
import { type Leaf, type Part, walk } from './mime/walk.ts'
import type { AttachmentView, MessageSummary, MessageView } from './views.ts'

export type Message = gmail_v1.Schema$Message

/** For text and html together, in bytes as received; the rest is cut. */
const maxTextBytes = 5 * 1024 * 1024

/** What the summary reads of the headers: with `format=metadata` Google sends these alone. */
export const summaryHeaders = [
  ...['From', 'Sender', 'To', 'Cc', 'Bcc', 'Reply-To', 'Subject', 'Date'],
  ...['Message-ID', 'In-Reply-To', 'References']
]
/** Headers that programs often need and the view has no field for. */
const usualHeaders = ['auto-submitted', 'list-id', 'list-unsubscribe', 'list-unsubscribe-post']
const maxValuesOfHeader = 100
const longHeaderLength = 4096
/** Characters whose lines are looked at in one turn. */
const linesPiece = 128 * 1024

export interface MessageOptions {
  /** Further headers to show, in lower case. */
  headers?: readonly string[]
  /** The bytes of a body that Gmail did not send along. */
  fetchBody: (messageId: string, attachmentId: string) => Promise<Buffer>
  /** Puts this in the place of `cid:` links whose file the mail holds. */
  toFileUrl?: (messageId: string, partId: string) => string
  /** Makes a text from html, for a mail without one. */
  toText?: ToText | undefined
}

/** The mail as a list shows it, made from a resource of any format that has headers. */
export async function toMessageSummary(message: Message): Promise<MessageSummary> {
  const labelIds = message.labelIds ?? []
  const values = readHeaders(message.payload ?? {})
  const addresses = (name: string) => {
    const found = values.get(name)
    return found ? readPeople(found) : []
  }
  const text = (name: string) => readHeaderText(values.get(name)?.[0] ?? '')
  return {
    id: message.id ?? '',
    threadId: message.threadId ?? '',
    historyId: message.historyId ?? null,
    labelIds,
    unread: labelIds.includes('UNREAD'),
    starred: labelIds.includes('STARRED'),
    draft: labelIds.includes('DRAFT'),
    receivedAt: toTime(message.internalDate),
    date: readDate(values.get('date')?.[0]),
    subject: text('subject'),
    snippet: readSnippet(message.snippet ?? ''),
    from: first(await addresses('from')),
    sender: first(await addresses('sender')),
    to: await addresses('to'),
    cc: await addresses('cc'),
    bcc: await addresses('bcc'),
    replyTo: await addresses('reply-to'),
    messageId: first(toMessageIds(values.get('message-id'))),
    inReplyTo: first(toMessageIds(values.get('in-reply-to'))),
    references: toMessageIds(values.get('references')),
    sizeEstimate: message.sizeEstimate ?? 0
  }
}

async function readPeople(headers: readonly string[]): Promise<Address[]> {
  const people: Address[] = []
  for (const value of headers) {
    // Each header may name thousands.
    if (value.length > longHeaderLength) await breathe()
    people.push(...readAddresses(value))
  }
  return people
}

/**
 * The mail as an app reads it, made from a resource with `format=full`. The work is done in steps of some milliseconds, and
 * there is a limit to it: the answer was cut before.
 * @throws GuichetError of `fetchBody`
 */
export async function toMessageView(message: Message, options: MessageOptions): Promise<MessageView> {
  const payload = message.payload ?? {}
  const summary = await toMessageSummary(message)
  const { texts, htmls, attachments, truncated } = walk(payload)
  const files = attachments.map(toAttachmentView)
  await breathe()
  const bodies = createBodies(summary.id, options.fetchBody)
  const text = await bodies.join(texts)
  const html = await bodies.join(htmls)
  const { headers = [], toFileUrl, toText } = options
  const derived = text === null && html !== null && toText ? await toText(html) : null
  return {
    ...summary,
    text: text ?? derived?.text ?? null,
    html: html !== null && toFileUrl ? linkFiles(html, files, id => toFileUrl(summary.id, id)) : html,
    textFromHtml: derived !== null,
    truncated: truncated || bodies.cut || derived?.truncated === true,
    attachments: files,
    headers: pickHeaders(payload, [...usualHeaders, ...headers]),
    problems: bodies.uncertain ? ['charset_unknown'] : []
  }
}

/** Reads bodies until the allowance for one mail is used up. */
function createBodies(messageId: string, fetchBody: MessageOptions['fetchBody']) {
  const bodies = { cut: false, uncertain: false, join }
  let left = maxTextBytes

  async function join(leaves: readonly Leaf[]): Promise<string | null> {
    if (leaves.length === 0) return null
    const texts: string[] = []
    for (const leaf of leaves) texts.push(await read(leaf))
    return texts.filter(text => text !== '').join('\n')
  }

  async function read({ part: { body }, mimeType, params }: Leaf): Promise<string> {
    if (left === 0) {
      bodies.cut = true
      return ''
    }
    const { data, attachmentId, size } = body ?? {}
    const whole = data
      ? Buffer.from(data.slice(0, Math.ceil((left * 4) / 3) + 4), 'base64url')
      : attachmentId && size
        ? await fetchBody(messageId, attachmentId)
        : Buffer.alloc(0)
    const bytes = whole.length > left ? cut(whole, left) : whole
    if (bytes.length < (size ?? 0) && (bytes !== whole || data)) bodies.cut = true
    left -= bytes.length
    if (bytes.length > 65_536) await breathe()
    const { text, uncertain } = await decodeText(bytes, params.charset, mimeType === 'text/html')
    bodies.uncertain ||= uncertain
    if (mimeType !== 'text/plain') return text
    return unflowInTurns(await toLines(text), params)
  }
  return bodies
}

/** With one line break in place of two characters. */
async function toLines(text: string): Promise<string> {
  const pieces: string[] = []
  for (let from = 0; from < text.length; ) {
    if (from > 0) await breathe()
    const line = text.indexOf('\n', from + linesPiece)
    const end = line < 0 ? text.length : line + 1
    pieces.push(text.slice(from, end).replaceAll('\r\n', '\n'))
    from = end
  }
  return pieces.join('')
}

async function unflowInTurns(text: string, params: Record<string, string>): Promise<string> {
  if (text.length <= linesPiece || !isFlowed(params)) return unflow(text, params)
  const pieces: string[] = []
  for (let from = 0; from < text.length; ) {
    // A soft break there stays a break: one in some thousand lines.
    const line = text.indexOf('\n', from + linesPiece)
    const end = line < 0 ? text.length : line
    await breathe()
    pieces.push(unflow(text.slice(from, end), params))
    from = end + 1
  }
  return pieces.join('\n')
}

/** Never in the middle of a UTF-8 character: half a character would make the text look like another charset. */
function cut(bytes: Buffer, length: number): Buffer {
  let end = length
  while (end > length - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}

function toAttachmentView(leaf: Leaf): AttachmentView {
  const { id, filename, mimeType, part, disposition, contentId, within } = leaf
  return {
    id,
    filename,
    mimeType,
    size: part.body?.size ?? 0,
    inline: disposition === 'inline' || (contentId !== null && disposition !== 'attachment'),
    contentId,
    ...(within !== null && { within })
  }
}

function linkFiles(html: string, files: readonly AttachmentView[], toUrl: (id: string) => string): string {
  const byContentId = new Map(files.flatMap(({ contentId, id }) => (contentId === null ? [] : [[contentId, id]])))
  if (byContentId.size === 0) return html
  return html.replace(/\bcid:([^\s"'<>()]{1,1000})/gi, (link, reference: string) => {
    const id = byContentId.get(reference) ?? byContentId.get(decodePercent(reference))
    return id === undefined ? link : toUrl(id)
  })
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** By name in lower case, as they came. A Map: a mail may call its headers what it likes. */
function readHeaders({ headers }: Part): Map<string, string[]> {
  const values = new Map<string, string[]>()
  for (const { name, value } of headers ?? []) {
    const key = (name ?? '').toLowerCase()
    const known = values.get(key)
    if (!known) values.set(key, [value ?? ''])
    else if (known.length < maxValuesOfHeader) known.push(value ?? '')
  }
  return values
}

function pickHeaders(payload: Part, names: readonly string[]): Record<string, string[]> {
  const values = readHeaders(payload)
  const picked: Record<string, string[]> = Object.create(null)
  for (const name of names) {
    const found = values.get(name)
    if (found) picked[name] = found.map(readHeaderText)
  }
  return picked
}

function toMessageIds(values: readonly string[] = []): string[] {
  return values.flatMap(value => unfold(value).match(/<[^<>\s]{1,998}>/g) ?? [])
}

function toTime(internalDate: string | null | undefined): string | null {
  const ms = Number(internalDate ?? Number.NaN)
  return Number.isNaN(ms) || Math.abs(ms) > 8.64e15 ? null : new Date(ms).toISOString()
}

const first = <T extends Address | string>(all: readonly T[]): T | null => all[0] ?? null
