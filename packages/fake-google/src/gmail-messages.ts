import type { StoredMessage } from './users.ts'

export const MESSAGE_FORMATS = ['minimal', 'metadata', 'full', 'raw'] as const
export type MessageFormat = (typeof MESSAGE_FORMATS)[number]

/** A message as the Gmail API shows it; `metadataHeaders` narrows the headers of the format metadata. */
export function toGmailMessage(
  message: StoredMessage,
  to: string,
  format: MessageFormat,
  metadataHeaders: readonly string[] = []
): Record<string, unknown> {
  const base = {
    id: message.id,
    threadId: message.threadId,
    labelIds: [...message.labelIds],
    snippet: message.body.slice(0, 100),
    historyId: '1000',
    internalDate: String(message.internalDateMs),
    sizeEstimate: message.body.length + message.attachments.reduce((sum, { content }) => sum + content.length, 0)
  }
  if (format === 'minimal') return base
  if (format === 'raw') return { ...base, raw: Buffer.from(toRfc822(message, to)).toString('base64url') }
  const wanted = metadataHeaders.map(name => name.toLowerCase())
  const headers = toHeaders(message, to).filter(({ name }) => {
    return format === 'full' || wanted.length === 0 || wanted.includes(name.toLowerCase())
  })
  if (format === 'metadata') return { ...base, payload: { mimeType: toMimeType(message), headers } }
  return { ...base, payload: { ...toPayload(message), headers } }
}

function toMimeType(message: StoredMessage): string {
  return message.attachments.length > 0 ? 'multipart/mixed' : 'text/plain'
}

function toHeaders(message: StoredMessage, to: string): Array<{ name: string; value: string }> {
  return [
    { name: 'From', value: message.from },
    { name: 'To', value: to },
    { name: 'Subject', value: message.subject },
    { name: 'Date', value: new Date(message.internalDateMs).toUTCString() },
    { name: 'Message-ID', value: `<${message.id}@mail.example.org>` },
    { name: 'Content-Type', value: toMimeType(message) }
  ]
}

function toPayload(message: StoredMessage): Record<string, unknown> {
  const text = Buffer.from(message.body)
  const body = { size: text.length, data: text.toString('base64url') }
  if (message.attachments.length === 0) return { partId: '', mimeType: 'text/plain', filename: '', body }
  const files = message.attachments.map(({ id, filename, mimeType, content }, position) => ({
    partId: String(position + 1),
    mimeType,
    filename,
    headers: [{ name: 'Content-Disposition', value: `attachment; filename="${filename}"` }],
    body: { attachmentId: id, size: content.length }
  }))
  return {
    partId: '',
    mimeType: 'multipart/mixed',
    filename: '',
    body: { size: 0 },
    parts: [{ partId: '0', mimeType: 'text/plain', filename: '', headers: [], body }, ...files]
  }
}

function toRfc822(message: StoredMessage, to: string): string {
  const head = toHeaders(message, to).map(({ name, value }) => `${name}: ${value}`)
  return `${head.join('\r\n')}\r\n\r\n${message.body}\r\n`
}
