import { lazily } from '../../../lazily.ts'

const entities = lazily<typeof import('entities')>('entities')

/** Invisible characters by which newsletters fill the preview; inside a word they join its letters and stay. */
const filler = '\u200c\u200d\u2060\ufeff\u034f\u00ad'
const edges = new RegExp(`(?<=^|[\\s${filler}])[${filler}]+|[${filler}]+(?=[\\s${filler}]|$)`, 'g')

/** What a single space has to take the place of: replacing each space by itself would cost a list more than all else here. */
const notOneSpace = /\s{2,}|[^\S ]/g

/** Gmail's snippet as plain text: it comes with HTML's entities in it. */
export function readSnippet(snippet: string): string {
  return entities().decodeHTML(snippet.slice(0, 2000)).replace(edges, '').replace(notOneSpace, ' ').trim()
}
