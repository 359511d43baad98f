/** Bytes that need not lie in memory: each walk of `chunks` makes them afresh. */
export interface Content {
  readonly size: number
  chunks(): Iterable<Buffer>
}

export function toContent(bytes: string | Buffer): Content {
  const buffer = Buffer.from(bytes)
  return { size: buffer.length, chunks: () => [buffer] }
}

const BLOCK_BYTES = 65_520

/** That many bytes that look random and are the same each time: an attachment of 25 MB costs one block of memory. */
export function generatedContent(size: number): Content {
  return {
    size,
    *chunks() {
      const block = pseudoRandomBlock(size)
      for (let left = size; left > 0; left -= BLOCK_BYTES) yield block.subarray(0, Math.min(left, BLOCK_BYTES))
    }
  }
}

function pseudoRandomBlock(seed: number): Buffer {
  const block = Buffer.allocUnsafe(BLOCK_BYTES)
  let state = seed >>> 0 || 1
  for (let position = 0; position < block.length; position++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    block[position] = state >>> 24
  }
  return block
}

export function isContent(value: unknown): value is Content {
  return typeof value === 'object' && value !== null && 'chunks' in value && typeof value.chunks === 'function'
}

export function toBytes(content: Content): Buffer {
  return Buffer.concat([...content.chunks()])
}

export function concatContents(contents: readonly Content[]): Content {
  return {
    size: contents.reduce((sum, { size }) => sum + size, 0),
    *chunks() {
      for (const content of contents) yield* content.chunks()
    }
  }
}

/** Base64 or base64url of the content, in pieces. */
export function* base64Chunks(content: Content, encoding: 'base64' | 'base64url'): Generator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  for (const chunk of content.chunks()) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    // Three bytes are four characters: what is left over waits for the next chunk.
    const usable = bytes.length - (bytes.length % 3)
    rest = bytes.subarray(usable)
    if (usable > 0) yield Buffer.from(bytes.toString(encoding, 0, usable), 'latin1')
  }
  if (rest.length > 0) yield Buffer.from(rest.toString(encoding), 'latin1')
}

const LINE_CHARACTERS = 76

/** The content as a mail carries it: base64 in lines of 76 characters (RFC 2045, 6.8). */
export function toBase64Lines(content: Content): Content {
  const characters = Math.ceil(content.size / 3) * 4
  return {
    size: characters + 2 * Math.ceil(characters / LINE_CHARACTERS),
    *chunks() {
      let pending = ''
      for (const piece of base64Chunks(content, 'base64')) {
        pending += piece.toString('latin1')
        const usable = pending.length - (pending.length % LINE_CHARACTERS)
        if (usable > 0) yield Buffer.from(pending.slice(0, usable).replace(/.{76}/g, '$&\r\n'), 'latin1')
        pending = pending.slice(usable)
      }
      if (pending !== '') yield Buffer.from(`${pending}\r\n`, 'latin1')
    }
  }
}
