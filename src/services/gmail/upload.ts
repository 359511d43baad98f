import { Readable } from 'node:stream'
import { GuichetError } from '../../errors.ts'
import type { Gmail, MethodOptions, Users } from './client.ts'
import type { GmailMethod } from './costs.ts'

/** A mail to hand over to Gmail. */
export interface MailBody {
  write(): AsyncIterable<Buffer>
  /** False if the bytes come from the caller and can be read only once. */
  rewritable: boolean
}

/** What Gmail takes, in bytes of RFC 822: about 25 MB of files. */
export const maxMailBytes = 35 * 1024 * 1024
/** 1 MB in base64. Reports differ about how much JSON Gmail accepts; all name at least this. */
const maxRawBytes = 750_000

/** A mail's place in a call's parameters: as text in the JSON, or as a stream beside it. */
export interface Handover {
  requestBody: { raw?: string; threadId?: string }
  media?: { mimeType: string; body: Readable }
}

/**
 * Calls a method that takes a mail. A small mail goes inside the JSON; a larger one is streamed from its source to Gmail,
 * and its bytes are counted on the way.
 * @throws GuichetError `message_too_large`, before Gmail has it all; those of the call and of what the mail is made of
 */
export async function submit<T>(
  gmail: Gmail,
  method: GmailMethod,
  mail: MailBody,
  threadId: string | undefined,
  send: (users: Users, handover: Handover, options: MethodOptions) => Promise<{ data: T }>
): Promise<T> {
  const requestBody = threadId === undefined ? {} : { threadId }
  const first = await begin(mail)
  if (first.whole) {
    const raw = first.whole.toString('base64url')
    return gmail.call(method, (users, options) => send(users, { requestBody: { ...requestBody, raw } }, options))
  }
  let started: AsyncIterable<Buffer> | undefined = first.rest
  const ended = new AbortController()
  let fault: unknown
  try {
    return await gmail.call(
      method,
      async (users, options) => {
        // Repeated with another token: the mail is read again, if it can be.
        const bytes = started ?? (mail.rewritable ? counted(mail.write()) : undefined)
        started = undefined
        if (!bytes) throw new GuichetError('google_unavailable', { retryAfterSeconds: 1 })
        const body = Readable.from(bytes, { objectMode: false })
        // googleapis pipes the stream and ignores its errors: the call would wait for its end for ever.
        body.once('error', error => {
          fault = error
          ended.abort()
        })
        try {
          return await send(users, { requestBody, media: { mimeType: 'message/rfc822', body } }, options)
        } finally {
          body.destroy()
        }
      },
      { upload: true, signal: ended.signal, once: !mail.rewritable }
    )
  } catch (error) {
    throw fault ?? error
  }
}

/** Reads as much as fits into the JSON: the whole of a small mail, else a stream of what was read and what follows. */
async function begin(mail: MailBody): Promise<{ whole?: Buffer; rest: AsyncIterable<Buffer> }> {
  const source = counted(mail.write())
  const read: Buffer[] = []
  let length = 0
  for (;;) {
    const { done, value } = await source.next()
    if (done) return { whole: Buffer.concat(read), rest: source }
    read.push(value)
    length += value.length
    if (length > maxRawBytes) break
  }
  async function* rest() {
    yield* read.splice(0)
    yield* source
  }
  return { rest: rest() }
}

async function* counted(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer, undefined> {
  let length = 0
  for await (const chunk of bytes) {
    length += chunk.length
    if (length > maxMailBytes) throw new GuichetError('message_too_large')
    yield chunk
  }
}
