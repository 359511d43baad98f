import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const frame = readFileSync(join(import.meta.dirname, '../../web/frame.html'), 'utf8')

/** A page that is made here. Its parts are HTML: what others say comes in through {@link escapeHtml}. */
export interface Page {
  title: string
  content: string
  footer?: string
}

/** The whole document, in one pass: a placeholder in someone's words is none. */
export function toDocument({ title, content, footer = '' }: Page): string {
  return frame.replace(/\{\{(\w+)\}\}/g, (_, name) => ({ title, content, footer })[name as keyof Page])
}

/** Text as HTML shows it, in content and in quoted attributes alike. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.codePointAt(0)};`)
}

/** The Content-Security-Policy of a page: its own look and nothing that runs, but for what the page itself names. */
export function toPagePolicy(...directives: string[]): string {
  return [
    "default-src 'none'",
    "style-src 'self'",
    'img-src data:',
    ...directives,
    "frame-ancestors 'none'",
    "base-uri 'none'"
  ].join('; ')
}
