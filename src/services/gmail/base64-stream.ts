import { CodedError, GuichetError } from '../../errors.ts'

/** Beside the bytes, an answer holds ids, labels and a snippet. */
const maxPreambleLength = 65_536

/**
 * Decodes the one base64url string of an answer while it arrives, so that its bytes never lie in memory whole: `data` of
 * an attachment, `raw` of a mail.
 * @throws GuichetError `google_invalid_response`, before the first byte or in the middle
 */
export async function* base64Stream(
  answer: AsyncIterable<Uint8Array>,
  key: 'data' | 'raw'
): AsyncGenerator<Uint8Array> {
  const valueStart = new RegExp(`"${key}"\\s*:\\s*"`)
  const decoder = new TextDecoder()
  let pending = ''
  let state: 'before' | 'inside' | 'after' = 'before'
  for await (const chunk of answer) {
    // The rest is read to its end: a connection that is abandoned half-way cannot be reused.
    if (state === 'after') continue
    pending += decoder.decode(chunk, { stream: true })
    if (state === 'before') {
      const start = valueStart.exec(pending)
      if (!start && pending.length > maxPreambleLength) break
      if (!start) continue
      state = 'inside'
      pending = pending.slice(start.index + start[0].length)
    }
    const end = pending.indexOf('"')
    // Four characters are three bytes: what is left over waits for the next chunk.
    const usable = end >= 0 ? end : pending.length - (pending.length % 4)
    if (usable > 0) yield decode(pending.slice(0, usable))
    if (end >= 0) state = 'after'
    pending = end >= 0 ? '' : pending.slice(usable)
  }
  if (state !== 'after')
    throw new GuichetError('google_invalid_response', {
      cause: new CodedError(state === 'before' ? 'no_bytes' : 'cut_short')
    })
}

function decode(base64: string): Uint8Array {
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(base64))
    throw new GuichetError('google_invalid_response', { cause: new CodedError('no_base64') })
  return Buffer.from(base64, 'base64url')
}
