import { decodeWords } from '../mime/charset.ts'
import { type Header, headerValue } from '../mime/headers.ts'
import type { StoredMessage } from './message.ts'

const PREFIXES = /^(?:(?:re|fwd?|aw|wg|sv|vs|antw|tr|rif|res|enc)(?:\[\d+\])?\s*:\s*)+/i

/** The subject that the mails of a thread have in common. */
export function toThreadSubject(subject: string): string {
  return decodeWords(subject).trim().replace(PREFIXES, '').replace(/\s+/g, ' ').toLowerCase()
}

/** The thread of the mail that these headers answer, if the subject is still its own. */
export function findThread(messages: readonly StoredMessage[], headers: readonly Header[]): string | undefined {
  const answered = answeredIds(headers)
  const parent = messages.find(message => {
    const messageId = headerValue(message.root.headers, 'message-id')
    return messageId !== undefined && answered.includes(messageId.trim()) && hasSameSubject(message, headers)
  })
  return parent?.threadId
}

/**
 * What Gmail asks of a mail that is to join a thread (reference of `Message.threadId`): References or In-Reply-To name
 * one of its mails, and the subject is the same.
 */
export function belongsToThread(thread: readonly StoredMessage[], headers: readonly Header[]): boolean {
  return thread.length > 0 && findThread(thread, headers) !== undefined
}

function answeredIds(headers: readonly Header[]): string[] {
  const lines = [headerValue(headers, 'references'), headerValue(headers, 'in-reply-to')].filter(
    line => line !== undefined
  )
  return lines.flatMap(line => line.match(/<[^<>\s]+>/g) ?? [])
}

function hasSameSubject(message: StoredMessage, headers: readonly Header[]): boolean {
  return toThreadSubject(message.subject) === toThreadSubject(headerValue(headers, 'subject') ?? '')
}
