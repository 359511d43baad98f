import { createHash } from 'node:crypto'
import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { GuichetError } from '../errors.ts'
import type { OutgoingFile } from '../services/gmail/outgoing.ts'
import type { HashedFiles } from '../services/gmail/send.ts'
import { maxMailBytes } from '../services/gmail/upload.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Files that follow the mail in a multipart body: as they arrive, read once. */
    mailFiles: HashedFiles | undefined
  }
}

/** A mail with its files in base64. */
export const maxMailBodyBytes = 10 * 1024 * 1024
const maxFiles = 100
const base64Growth = 4 / 3

/**
 * Lets the routes of a scope take a mail as `multipart/form-data`: the field `message` first, the same JSON as alone, and
 * then files, which are streamed on and never lie in memory whole.
 */
export async function acceptMailFiles(app: FastifyInstance): Promise<void> {
  await app.register(multipart)
  app.decorateRequest('mailFiles')
  app.addHook('preValidation', async request => {
    if (!request.isMultipart()) return
    // Refused before it is read: in base64 it would be too large for Gmail.
    if (Number(request.headers['content-length'] ?? 0) * base64Growth > maxMailBytes + maxMailBodyBytes)
      throw new GuichetError('message_too_large')
    const parts = wellFormed(
      request.parts({
        limits: { files: maxFiles, fields: 2, fieldSize: maxMailBodyBytes, fileSize: maxMailBytes, fieldNameSize: 100 }
      })
    )
    const { value: first } = await parts.next()
    if (first?.fieldname !== 'message') throw invalid('must come first, as JSON')
    request.body = parse(await readField(first))
    request.mailFiles = createFiles(parts)
  })
}

type Parts = ReturnType<FastifyRequest['parts']>
type Part = Parts extends AsyncIterable<infer One> ? One : never

/** The mail's JSON: a browser that gives it a type (`new Blob([json], { type })`) makes a file of the field. */
async function readField(part: Part): Promise<unknown> {
  if (part.type === 'field') {
    if (part.valueTruncated) throw new GuichetError('payload_too_large')
    return part.value
  }
  if (part.mimetype !== 'application/json') throw invalid('must come first, as JSON')
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of wellFormed(part.file)) {
    length += chunk.length
    if (length > maxMailBodyBytes) throw new GuichetError('payload_too_large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** An error of the parser is the sender's fault, unless it says otherwise. */
async function* wellFormed<T>(parts: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* parts
  } catch (error) {
    const { statusCode } = error as { statusCode?: number }
    throw statusCode === 413 || error instanceof GuichetError ? error : invalid('must be well-formed multipart')
  }
}

function createFiles(parts: AsyncGenerator<Part>): HashedFiles {
  const hash = createHash('sha256')
  async function* files(): AsyncGenerator<OutgoingFile> {
    for await (const part of parts) {
      if (part.type !== 'file') throw invalid('must be the only field; files come after it')
      const { mimetype: mimeType, file } = part
      const filename = part.filename || 'noname'
      hash.update(JSON.stringify([filename, mimeType]))
      async function* bytes() {
        for await (const chunk of wellFormed<Uint8Array>(file)) {
          hash.update(chunk)
          yield chunk
        }
        if (file.truncated) throw new GuichetError('message_too_large')
      }
      yield { inline: false, open: () => ({ filename, mimeType, bytes: bytes() }) }
    }
  }
  const arriving = files()
  return {
    [Symbol.asyncIterator]: () => arriving,
    hash: () => hash.copy().digest('base64url'),
    async drain() {
      for await (const file of arriving) {
        const { bytes } = await file.open()
        for await (const _chunk of bytes as AsyncIterable<Uint8Array>);
      }
    }
  }
}

function parse(value: unknown): unknown {
  // With a type of JSON the parser has read it already.
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch {
    throw invalid('must be JSON')
  }
}

function invalid(message: string): GuichetError {
  return new GuichetError('invalid_request', { errors: [{ pointer: '/body/message', message }] })
}
