import { create } from 'content-disposition'

/** What a browser shows without running anything in it. Everything else is bytes to be saved. */
const safeTypes = new Set([
  ...['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp'],
  ...['audio/mpeg', 'audio/mp4', 'audio/ogg', 'audio/wav', 'video/mp4', 'video/webm', 'video/ogg'],
  ...['application/pdf', 'text/plain', 'message/rfc822', 'application/zip']
])
const shownTypes = /^(?:image|audio|video)\/|^application\/pdf$/

/**
 * The headers under which a stranger's file leaves. A browser must neither guess its type nor run it; `inline` is for
 * what only shows.
 */
export function attachmentHeaders(
  file: { filename: string | null; mimeType: string },
  inline = false
): Record<string, string> {
  const type = safeTypes.has(file.mimeType) ? file.mimeType : 'application/octet-stream'
  return {
    'content-type': type,
    'content-disposition': create(toSafeName(file), {
      type: inline && shownTypes.test(type) ? 'inline' : 'attachment'
    }),
    'x-content-type-options': 'nosniff'
  }
}

/** No path, no control character, no mark that turns the reading direction, no hidden file. */
function toSafeName({ filename, mimeType }: { filename: string | null; mimeType: string }): string {
  const name = (filename ?? '')
    .toWellFormed()
    .replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '')
    .replace(/.*[/\\]/, '')
    .replace(/[<>:"|?*]/g, '_')
    .replace(/^[.\s]+|[.\s]+$/g, '')
    .slice(0, 200)
    .toWellFormed()
  return name || (mimeType === 'message/rfc822' ? 'message.eml' : 'attachment')
}
