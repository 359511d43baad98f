import { createHash } from 'node:crypto'
import type { Content } from '../content.ts'

/** Undoes a transfer encoding line by line; keeps the bytes while the shared budget lasts, their hash and number always. */
export function createBodyDecoder(encoding: string, budget: { left: number }) {
  const hash = createHash('sha256')
  let size = 0
  let kept: Buffer[] | undefined = []
  let base64 = ''
  // The line end before a boundary belongs to the boundary (RFC 2046, 5.1.1): it waits until another line follows.
  let lineEnd: Buffer = Buffer.alloc(0)

  function emit(bytes: Buffer): void {
    if (bytes.length === 0) return
    hash.update(bytes)
    size += bytes.length
    budget.left -= bytes.length
    if (budget.left < 0) kept = undefined
    kept?.push(Buffer.from(bytes))
  }

  function emitLine(content: Buffer, end: Buffer): void {
    emit(lineEnd)
    emit(content)
    lineEnd = Buffer.from(end)
  }

  function write(line: Buffer): void {
    if (encoding === 'base64') {
      base64 += line.toString('latin1').replace(/[^A-Za-z0-9+/]/g, '')
      const usable = base64.length - (base64.length % 4)
      if (usable < 4096) return
      emit(Buffer.from(base64.slice(0, usable), 'base64'))
      base64 = base64.slice(usable)
      return
    }
    const end = line.at(-1) !== 10 ? 0 : line.at(-2) === 13 ? 2 : 1
    const content = line.subarray(0, line.length - end)
    if (encoding !== 'quoted-printable') {
      emitLine(content, line.subarray(line.length - end))
      return
    }
    const text = content.toString('latin1').replace(/[ \t]+$/, '')
    const isSoft = text.endsWith('=')
    const decoded = (isSoft ? text.slice(0, -1) : text).replace(/=([0-9A-Fa-f]{2})/g, (_all, hex) => {
      return String.fromCharCode(Number.parseInt(hex, 16))
    })
    emitLine(Buffer.from(decoded, 'latin1'), isSoft ? Buffer.alloc(0) : line.subarray(line.length - end))
  }

  return {
    write,
    /** At the end of the mail the last line end is the body's own. */
    end(isEndOfMail: boolean): { size: number; sha256: string; content: Content | undefined } {
      if (base64 !== '') emit(Buffer.from(base64, 'base64'))
      if (isEndOfMail) emit(lineEnd)
      const chunks = kept
      const total = size
      return { size, sha256: hash.digest('hex'), content: chunks && { size: total, chunks: () => chunks } }
    }
  }
}
