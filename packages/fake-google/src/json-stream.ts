import { base64Chunks, type Content, isContent, toBytes } from './content.ts'
import { json, type Reply } from './http.ts'

const SMALL_BYTES = 65_536

/** A JSON answer in which Content stands as base64url; what is large is written out while it is read. */
export function jsonWithContent(status: number, value: unknown): Reply {
  const pieces = toPieces(value)
  const [only = ''] = pieces
  const reply = json(status, null)
  if (pieces.length === 1 && typeof only === 'string') return { ...reply, body: only }
  return {
    ...reply,
    *stream() {
      for (const piece of pieces) {
        if (typeof piece === 'string') yield Buffer.from(piece)
        else yield* base64Chunks(piece, 'base64url')
      }
    }
  }
}

/** Text, and between it the contents that are too large to stand in it. A loop: JSON.stringify gives up 10 000 parts deep. */
function toPieces(value: unknown): (string | Content)[] {
  const pieces: (string | Content)[] = []
  let text = ''
  const waiting: ({ text: string } | { value: unknown })[] = [{ value }]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if ('text' in next) text += next.text
    else if (isContent(next.value)) {
      if (next.value.size <= SMALL_BYTES) text += `"${toBytes(next.value).toString('base64url')}"`
      else {
        pieces.push(`${text}"`, next.value)
        text = '"'
      }
    } else if (Array.isArray(next.value)) {
      const items = next.value.flatMap((item: unknown, position) => [
        { text: position === 0 ? '' : ',' },
        { value: item }
      ])
      waiting.push({ text: ']' })
      for (const item of items.reverse()) waiting.push(item)
      waiting.push({ text: '[' })
    } else if (typeof next.value === 'object' && next.value !== null) {
      const members = Object.entries(next.value).filter(([, member]) => member !== undefined)
      const items = members.flatMap(([name, member], position) => [
        { text: `${position === 0 ? '' : ','}${JSON.stringify(name)}:` },
        { value: member as unknown }
      ])
      waiting.push({ text: '}' }, ...items.reverse(), { text: '{' })
    } else text += JSON.stringify(next.value ?? null)
  }
  return [...pieces, text]
}
