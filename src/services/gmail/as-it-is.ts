import { CodedError, GuichetError } from '../../errors.ts'

const wholeUpTo = 1024 * 1024
const [quote, backslash] = [0x22, 0x5c]
const [openObject, closeObject, openArray, closeArray] = [0x7b, 0x7d, 0x5b, 0x5d]

/**
 * Google's JSON, unchanged: whole where it is small, else as it arrives.
 * @throws GuichetError `google_invalid_response` where it is no whole JSON object; of a large one at its end
 */
export async function asItIs(answer: AsyncIterable<Uint8Array>): Promise<Buffer | AsyncIterable<Uint8Array>> {
  const chunks = answer[Symbol.asyncIterator]()
  const head: Uint8Array[] = []
  let length = 0
  while (length <= wholeUpTo) {
    const { done, value } = await chunks.next()
    if (done) return requireObject(Buffer.concat(head))
    head.push(value)
    length += value.length
  }
  if (!/^\s*\{/.test(Buffer.from(head[0] ?? []).toString('latin1', 0, 64))) {
    await chunks.return?.()
    throw notWhole()
  }
  return whileWhole(head, chunks)
}

function requireObject(body: Buffer): Buffer {
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch {
    // Its message quotes the mail.
    throw notWhole()
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notWhole()
  return body
}

async function* whileWhole(head: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const depth = createDepth()
  let ended = false
  try {
    for (const chunk of head) {
      depth.read(chunk)
      yield chunk
    }
    for (let { done, value } = await rest.next(); !done; { done, value } = await rest.next()) {
      depth.read(value)
      yield value
    }
    ended = true
  } finally {
    if (!ended) await rest.return?.()
  }
  if (!depth.isWhole()) throw notWhole()
}

/** How many objects and arrays are open: at the end of a whole JSON text none is. */
function createDepth() {
  let depth = 0
  let inString = false
  let escaped = false
  return {
    read(chunk: Uint8Array): void {
      for (const byte of chunk) {
        if (escaped) escaped = false
        else if (inString) {
          if (byte === quote) inString = false
          else escaped = byte === backslash
        } else if (byte === quote) inString = true
        else if (byte === openObject || byte === openArray) depth++
        else if (byte === closeObject || byte === closeArray) depth--
      }
    },
    isWhole: () => depth === 0 && !inString
  }
}

const notWhole = () => new GuichetError('google_invalid_response', { cause: new CodedError('no_whole_json_object') })
