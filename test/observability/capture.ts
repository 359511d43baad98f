import { PassThrough } from 'node:stream'

export type Line = Record<string, unknown>

/** A log to give to `build`: all that is written, at every level. */
export function captureLog() {
  const stream = new PassThrough()
  const chunks: Buffer[] = []
  stream.on('data', chunk => chunks.push(chunk))
  const text = () => Buffer.concat(chunks).toString('utf8')
  return {
    logger: { stream, level: 'trace' as const },
    text,
    /** Throws where a line is not one JSON object. */
    lines: (): Line[] =>
      text()
        .trimEnd()
        .split('\n')
        .map(line => {
          const value: unknown = JSON.parse(line)
          if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not an object')
          return value as Line
        })
  }
}
