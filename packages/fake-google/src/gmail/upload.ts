import { createHash } from 'node:crypto'
import { toContent } from '../content.ts'
import type { RecordedRequest } from '../http.ts'
import { parseParameters } from '../mime/headers.ts'
import { createMimeReader, type MimeReader } from '../mime/reader.ts'
import { readThreadId } from './outgoing.ts'
import type { Outgoing, Upload } from './outgoing-mail.ts'

const KEPT_BYTES = 4 * 1024 * 1024
const MAX_JSON_BYTES = 65_536

/** Reads an upload (https://developers.google.com/workspace/gmail/api/guides/uploads): `media`, or `multipart` with JSON first. */
export async function readUpload(
  request: RecordedRequest,
  body: AsyncIterable<Buffer>,
  maxBytes: number
): Promise<Upload> {
  const kind = new URLSearchParams(request.query).get('uploadType')
  const type = request.headers['content-type'] ?? ''
  const mail = createMailSink()
  const refused = (fault: string, isTooLarge = false): Upload => ({
    isTooLarge,
    metadata: {},
    outgoing: undefined,
    fault
  })
  const boundary = parseParameters(type).parameters.boundary
  const isMedia = kind === 'media' && /^message\/rfc822\b/i.test(type)
  if (!isMedia && (kind !== 'multipart' || !/^multipart\/related\b/i.test(type) || !boundary)) {
    for await (const _chunk of body);
    return refused('Unsupported upload')
  }
  const parts = isMedia ? undefined : createPartSplitter(boundary ?? '', mail)
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    // The rest is read and dropped, so that a client that goes on writing gets the refusal.
    if (bytes > maxBytes) continue
    if (parts) parts.write(chunk)
    else mail.write(chunk)
  }
  if (bytes > maxBytes) return refused('too large', true)
  try {
    const json = parts?.end() ?? '{}'
    const metadata = JSON.parse(json) as Record<string, unknown>
    const message = (metadata.message ?? metadata) as Record<string, unknown>
    return { isTooLarge: false, metadata, outgoing: mail.end(readThreadId(message)), fault: undefined }
  } catch {
    return refused('Malformed multipart body.')
  }
}

function createMailSink() {
  const reader: MimeReader = createMimeReader({ keepBytes: KEPT_BYTES })
  const hash = createHash('sha256')
  let kept: Buffer[] = []
  let keptBytes = 0
  return {
    write(chunk: Buffer): void {
      reader.write(chunk)
      hash.update(chunk)
      keptBytes += chunk.length
      if (keptBytes <= KEPT_BYTES) kept.push(Buffer.from(chunk))
      // The head is worth keeping in any case.
      else kept = kept.slice(0, 1)
    },
    end(threadId: string | undefined): Outgoing {
      const { size } = reader
      const bytes = Buffer.concat(kept)
      const raw = size === bytes.length ? toContent(bytes) : { size, chunks: () => [bytes] }
      return { node: reader.end(), raw, size, sha256: hash.digest('hex'), threadId }
    }
  }
}

/** The two parts of a multipart/related body: JSON is gathered, the mail goes to its sink as it comes. */
function createPartSplitter(boundary: string, mail: ReturnType<typeof createMailSink>) {
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  let pending: Buffer = Buffer.from('\r\n')
  let part = -1
  let isInHead = false
  let json = ''

  function deliver(bytes: Buffer): void {
    if (part === 0) json = (json + bytes.toString('utf8')).slice(0, MAX_JSON_BYTES)
    else if (part === 1) mail.write(bytes)
  }

  function advance(): boolean {
    if (isInHead) {
      // After the delimiter: `--` ends it all, else the part's own header lines follow.
      const end = pending.indexOf('\r\n\r\n')
      if (end < 0) return false
      pending = pending.subarray(end + 4)
      isInHead = false
      return true
    }
    const found = pending.indexOf(delimiter)
    if (found < 0) {
      const safe = pending.length - delimiter.length
      if (safe > 0) {
        deliver(pending.subarray(0, safe))
        pending = pending.subarray(safe)
      }
      return false
    }
    deliver(pending.subarray(0, found))
    pending = pending.subarray(found + delimiter.length)
    part += 1
    isInHead = true
    return true
  }

  return {
    write(chunk: Buffer): void {
      pending = Buffer.concat([pending, chunk])
      while (advance());
    },
    /** The JSON part's text; throws where the body did not end as it should. */
    end(): string {
      if (part !== 2 || !isInHead || !pending.toString('latin1').startsWith('--')) throw new Error('not whole')
      return json
    }
  }
}
