import { randomBytes } from 'node:crypto'
import { base64Chunks, type Content, isContent, toBytes } from './content.ts'
import { json, type Reply } from './http.ts'

const SMALL_BYTES = 65_536

/** A JSON answer in which Content stands as base64url; what is large is written out while it is read. */
export function jsonWithContent(status: number, value: unknown): Reply {
  const mark = randomBytes(12).toString('hex')
  const large: Content[] = []
  const text = JSON.stringify(value, (_key, item: unknown) => {
    if (!isContent(item)) return item
    return item.size <= SMALL_BYTES ? toBytes(item).toString('base64url') : `${mark}${large.push(item) - 1}`
  })
  const reply = json(status, null)
  if (large.length === 0) return { ...reply, body: text }
  const pieces = text.split(new RegExp(`${mark}(\\d+)`))
  return {
    ...reply,
    *stream() {
      for (const [position, piece] of pieces.entries()) {
        const content = position % 2 === 1 ? large[Number(piece)] : undefined
        if (content) yield* base64Chunks(content, 'base64url')
        else yield Buffer.from(piece)
      }
    }
  }
}
