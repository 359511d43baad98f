import { GuichetError } from '../../errors.ts'

const dataStart = /"data"\s*:\s*"/
/** Gmail's answer is `{ size, data }` or `{ attachmentId, size, data }`: what precedes the data is short. */
const maxPreambleLength = 8192

/**
 * Decodes the one base64url string of a Gmail attachment while it arrives, so that an attachment never lies in memory whole.
 * @throws GuichetError `google_invalid_response`, before the first byte or in the middle
 */
export async function* attachmentBytes(answer: unknown): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder()
  let pending = ''
  let inside = false
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    pending += decoder.decode(chunk, { stream: true })
    if (!inside) {
      const start = dataStart.exec(pending)
      if (!start && pending.length > maxPreambleLength) break
      if (!start) continue
      inside = true
      pending = pending.slice(start.index + start[0].length)
    }
    const end = pending.indexOf('"')
    // Four characters are three bytes: what is left over waits for the next chunk.
    const usable = end >= 0 ? end : pending.length - (pending.length % 4)
    yield decode(pending.slice(0, usable))
    if (end >= 0) return
    pending = pending.slice(usable)
  }
  throw new GuichetError('google_invalid_response')
}

function decode(base64: string): Uint8Array {
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(base64)) throw new GuichetError('google_invalid_response')
  return Buffer.from(base64, 'base64url')
}
