import type { MessageView } from '../../src/services/gmail/views.ts'
import type { Expected } from './sources.ts'

/** In which fields the view says something else than Python does; what Python cannot read is not compared. */
export function differences(view: MessageView, expected: Expected): string[] {
  const { text, html, attachments, subject, from } = expected
  const fields: Record<string, boolean> = {
    text: text === undefined || sameBody(view.text, text),
    html: html === undefined || sameBody(view.html, html),
    attachments: attachments === undefined || sameFiles(view, attachments),
    subject: subject === undefined || flat(view.subject) === flat(subject),
    from: from === undefined || samePerson(view, from)
  }
  return Object.entries(fields).flatMap(([name, same]) => (same ? [] : [name]))
}

/** Python gives the first of several texts, guichet all of them joined. What Python could not decode says nothing. */
function sameBody(own: string | null, theirs: string | null): boolean {
  if (theirs?.includes('\ufffd')) return own !== null
  if (theirs === null || flat(theirs) === '') return theirs !== null || own === null || flat(own) === ''
  return own !== null && flat(own).startsWith(flat(theirs))
}

/** Texts without a name are mostly read as text, and so are no files; nor is a multipart without parts. */
function sameFiles({ attachments }: MessageView, theirs: NonNullable<Expected['attachments']>): boolean {
  const isText = (type: string) => type === 'text/plain' || type === 'text/html'
  const files = theirs.filter(([name, type]) => (!isText(type) || name !== '') && !type.startsWith('multipart/'))
  const ours = attachments.filter(
    ({ within, filename, mimeType }) => within === undefined && (!isText(mimeType) || filename !== null)
  )
  const key = (name: string | null, type: string) => `${flat(name ?? '')} ${type}`
  const own = ours.map(({ filename, mimeType }) => key(filename, mimeType)).sort()
  const expected = files.map(([name, type]) => key(name, type)).sort()
  return own.length === expected.length && own.every((one, at) => one === expected[at])
}

function samePerson({ from }: MessageView, [theirs]: [name: string, address: string][]): boolean {
  if (!theirs) return true
  // Python leaves out a name that stands in a comment.
  const sameName = theirs[0] === '' || flat(from?.name ?? '') === flat(theirs[0])
  return sameName && (from?.address ?? '') === theirs[1].replace('<>', '')
}

/** White space, and characters that cannot be seen or were lost, say nothing of who is right. */
function flat(text: string | null): string {
  return (text ?? '')
    .replaceAll('\0', '')
    .replace(/[\s\p{Cc}\ufeff]+/gu, ' ')
    .trim()
}
