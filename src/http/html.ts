/** A piece of a page: guichet's markup, in which text from others is escaped. */
export interface Html {
  readonly markup: string
}

type Part = Html | string | number | false | undefined | null | readonly Part[]

/** The only way from text to a page: what is put in is escaped, unless it was made here. */
export function html(pieces: TemplateStringsArray, ...parts: Part[]): Html {
  return { markup: pieces.reduce((before, piece, index) => before + toMarkup(parts[index - 1]) + piece) }
}

/** A text of words.*.json with its `{names}` filled in; in one pass, so that a name in someone's words stays one. */
export function fill(text: string, values: Record<string, Part>): Html {
  const pieces = text.split(/\{(\w+)\}/)
  return { markup: pieces.map((piece, index) => toMarkup(index % 2 ? values[piece] : piece)).join('') }
}

/** Markup that comes from a file of ours. */
export function trusted(markup: string): Html {
  return { markup }
}

/** Someone else's words, with a direction of their own, so that they cannot turn ours around. */
export function name(text: string): Html {
  return html`<bdi>${text}</bdi>`
}

function toMarkup(part: Part): string {
  if (part === undefined || part === null || part === false) return ''
  if (typeof part === 'object') return 'markup' in part ? part.markup : part.map(toMarkup).join('')
  return escapeHtml(String(part))
}

/** Text as HTML shows it, in content and in quoted attributes alike. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.codePointAt(0)};`)
}
