import { createHash } from 'node:crypto'
import { toBytes, toContent } from '../content.ts'
import { GmailError } from '../gmail-errors.ts'
import { addressesOf, type Header, headerValue } from '../mime/headers.ts'
import { createMimeReader } from '../mime/reader.ts'
import type { Outgoing } from './outgoing-mail.ts'

/** From the JSON of messages.send and of a draft's message. */
export function readOutgoing(message: Record<string, unknown>): Outgoing {
  const unknown = Object.keys(message).find(key => !['raw', 'threadId'].includes(key))
  if (unknown !== undefined) throw new GmailError('invalidArgument', `Unknown name "${unknown}"`)
  const { raw } = message
  if (typeof raw !== 'string' || raw === '') {
    throw new GmailError(
      'invalidArgument',
      "'raw' RFC822 payload message string or uploading message via /upload/* URL required"
    )
  }
  if (!/^[A-Za-z0-9_-]*={0,2}$/.test(raw))
    throw new GmailError('invalidArgument', "Invalid value at 'message.raw' (TYPE_BYTES), Base64 decoding failed")
  const bytes = Buffer.from(raw, 'base64url')
  const reader = createMimeReader()
  reader.write(bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { node: reader.end(), raw: toContent(bytes), size: bytes.length, sha256, threadId: readThreadId(message) }
}

export function readThreadId({ threadId }: Record<string, unknown>): string | undefined {
  if (threadId === undefined || threadId === null || threadId === '') return undefined
  if (typeof threadId !== 'string' || !/^[0-9a-zA-Z]+$/.test(threadId))
    throw new GmailError('invalidArgument', 'Invalid thread id value')
  return threadId
}

/** Everyone it goes to, in lower case: To, Cc and Bcc. Throws where nobody is named. */
export function recipientsOf(headers: readonly Header[]): string[] {
  const named = headers.filter(({ name }) => /^(to|cc|bcc)$/i.test(name)).flatMap(({ value }) => addressesOf(value))
  if (named.length === 0) throw new GmailError('invalidArgument', 'Recipient address required', { isExpected: true })
  return [...new Set(named.map(address => address.toLowerCase()))]
}

/** The mail as others get it: without Bcc, and with these fields in place of its own. */
export function rewriteHead(outgoing: Outgoing, fields: Record<string, string>): Pick<Outgoing, 'node' | 'raw'> {
  const dropped = ['bcc', ...Object.keys(fields).map(name => name.toLowerCase())]
  const isKept = ({ name }: Header) => !dropped.includes(name.toLowerCase())
  const added = Object.entries(fields).map(([name, value]) => ({ name, value }))
  const node = { ...outgoing.node, headers: [...added, ...outgoing.node.headers.filter(isKept)] }
  const bytes = toBytes(outgoing.raw)
  const headEnd = bytes.indexOf('\r\n\r\n')
  const kept = bytes
    .subarray(0, headEnd < 0 ? bytes.length : headEnd)
    .toString('latin1')
    .split(/\r\n(?![ \t])/)
    .filter(line => !dropped.includes(line.slice(0, line.indexOf(':')).trim().toLowerCase()))
  const head = [...added.map(({ name, value }) => `${name}: ${value}`), ...kept].join('\r\n')
  const body = headEnd < 0 ? Buffer.alloc(0) : bytes.subarray(headEnd)
  const raw = Buffer.concat([Buffer.from(head, 'latin1'), body])
  const missing = outgoing.raw.size - bytes.length
  return { node, raw: { size: raw.length + missing, chunks: () => [raw] } }
}

export function messageIdOf(headers: readonly Header[]): string | undefined {
  return headerValue(headers, 'message-id')?.trim() || undefined
}
