import { type Content, toContent } from '../content.ts'
import type { Header } from '../mime/headers.ts'
import { toSnippet } from './convert.ts'
import type { Mail, Part } from './message.ts'

/** A part in Gmail's own JSON. */
export interface ReadyPart {
  partId?: string
  mimeType?: string
  filename?: string
  headers?: Header[]
  parts?: ReadyPart[]
  /** `data` is base64url; with any `attachmentId` the part is served under ids that the fake makes. */
  body?: { size?: number; data?: string; attachmentId?: string }
}

/** A mail that somebody else converted into Gmail's resource: served as it is. */
export interface ReadyMail {
  payload: ReadyPart
  raw?: string | Buffer
  snippet?: string
}

export function toReadyMail({ payload, raw, snippet }: ReadyMail): Mail {
  const root = toPart(payload, '')
  return { root, raw: raw === undefined ? headersAlone(root) : toContent(raw), snippet: snippet ?? toSnippet(root) }
}

function toPart(top: ReadyPart, topId: string): Part {
  const root = toBarePart(top, topId)
  const waiting: [ReadyPart, Part][] = [[top, root]]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [ready, part] = next
    for (const [position, child] of (ready.parts ?? []).entries()) {
      const childPart = toBarePart(child, part.partId === '' ? String(position) : `${part.partId}.${position}`)
      part.parts.push(childPart)
      waiting.push([child, childPart])
    }
  }
  return root
}

function toBarePart(ready: ReadyPart, defaultId: string): Part {
  const { partId = defaultId, mimeType = 'text/plain', filename = '', headers = [], body = {} } = ready
  const holdsBytes = body.data !== undefined || body.attachmentId !== undefined
  return {
    partId,
    mimeType,
    filename,
    headers: [...headers],
    parts: [],
    content: holdsBytes ? toContent(Buffer.from(body.data ?? '', 'base64url')) : undefined,
    isInPlace: body.attachmentId === undefined
  }
}

function headersAlone(root: Part): Content {
  return toContent(`${root.headers.map(({ name, value }) => `${name}: ${value}\r\n`).join('')}\r\n`)
}
