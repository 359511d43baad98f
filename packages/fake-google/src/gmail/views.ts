import { GmailError } from '../gmail-errors.ts'
import type { Header } from '../mime/headers.ts'
import { newTokenStem, type Part, type StoredMessage, toAttachmentId } from './message.ts'

const MESSAGE_FORMATS = ['minimal', 'metadata', 'full', 'raw'] as const
export type MessageFormat = (typeof MESSAGE_FORMATS)[number]

export function readFormat(asked = 'full', known: readonly MessageFormat[] = MESSAGE_FORMATS): MessageFormat {
  // Google's own enumeration is case-insensitive in the URL; here only the documented spelling passes.
  const format = known.find(name => name === asked)
  if (!format) throw new GmailError('invalidArgument', 'format')
  return format
}

/**
 * A message as the Gmail API shows it. Bodies stand as Content, to be written out as base64url. Each answer with parts
 * has attachmentIds of its own, and ends those of the answer before.
 */
export function toGmailMessage(
  message: StoredMessage,
  format: MessageFormat,
  metadataHeaders: readonly string[] = []
): Record<string, unknown> {
  const base = {
    id: message.id,
    threadId: message.threadId,
    labelIds: [...message.labelIds],
    snippet: message.snippet,
    historyId: String(message.historyId),
    internalDate: String(message.internalDateMs),
    sizeEstimate: Math.round(message.raw.size * 1.02) + 7
  }
  if (format === 'minimal') return base
  if (format === 'raw') return { ...base, raw: message.raw }
  const { root } = message
  if (format === 'metadata') {
    const wanted = metadataHeaders.map(name => name.toLowerCase())
    const headers = root.headers.filter(({ name }) => wanted.length === 0 || wanted.includes(name.toLowerCase()))
    return {
      ...base,
      payload: { partId: '', mimeType: root.mimeType, filename: root.filename, headers: headers.map(toHeader) }
    }
  }
  message.tokenStem = newTokenStem()
  return { ...base, payload: toPayload(root, message.tokenStem) }
}

function toPayload(root: Part, stem: string): Record<string, unknown> {
  const payload = toBare(root, stem)
  const waiting: [Part, Record<string, unknown>][] = [[root, payload]]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [part, shown] = next
    if (part.parts.length === 0) continue
    shown.parts = part.parts.map(child => {
      const bare = toBare(child, stem)
      waiting.push([child, bare])
      return bare
    })
  }
  return payload
}

function toBare(
  { partId, mimeType, filename, headers, content, isInPlace }: Part,
  stem: string
): Record<string, unknown> {
  return { partId, mimeType, filename, headers: headers.map(toHeader), body: toBody() }

  function toBody(): Record<string, unknown> {
    if (!content) return { size: 0 }
    // An empty body has no data at all.
    if (isInPlace) return content.size === 0 ? { size: 0 } : { size: content.size, data: content }
    return { attachmentId: toAttachmentId(stem, partId), size: content.size }
  }
}

function toHeader({ name, value }: Header): Header {
  return { name, value }
}

/** What writes answer. */
export function toShortMessage({ id, threadId, labelIds }: StoredMessage): Record<string, unknown> {
  return { id, threadId, labelIds: [...labelIds] }
}
