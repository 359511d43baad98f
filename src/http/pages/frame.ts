import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyReply } from 'fastify'
import type { Brand } from '../../config/config.ts'
import { fill, type Html, html, name, trusted } from '../html.ts'
import type { Reader } from './words.ts'

const frame = readFileSync(join(import.meta.dirname, '../../../web/frame.html'), 'utf8')

/** A page that is made here. */
export interface Page {
  title: string
  content: Html
  head?: Html
  /** Who is signed in. */
  who?: Html
  hasFooter?: boolean
}

/** The document around a page, in one pass: a placeholder in someone's words stays as it is. */
function toDocument(page: Page, reader: Reader, brand: Brand): string {
  const parts: Record<string, Html | string> = {
    head: page.head ?? '',
    title: page.title,
    app: name(brand.name),
    // A title holds text alone.
    name: brand.name,
    logo: brand.logoUrl ? html`<img src="${brand.logoUrl}" alt="" height="28">` : counter(28),
    who: page.who ?? '',
    heading: page.title,
    content: page.content,
    footer: page.hasFooter ? toFooter(reader) : ''
  }
  return frame
    .replace('<html lang="en">', `<html lang="${reader.lang}">`)
    .replace(/\{\{(\w+)\}\}/g, (_, part) => html`${parts[part]}`.markup)
}

/** The house's sign: a counter's window. */
export function counter(size: number): Html {
  return trusted(
    `<svg viewBox="0 0 32 32" width="${size}" height="${size}" aria-hidden="true" focusable="false"><path d="M8 24V15a8 8 0 0 1 16 0v9M4 24h24M13 24v-5h6v5"/></svg>`
  )
}

function toFooter({ words }: Reader): Html {
  const link = html`<a href="https://myaccount.google.com/connections" rel="noreferrer">${words.footLink}</a>`
  return html`<footer class="foot"><p>${fill(words.foot, { link })}</p></footer>`
}

/** The Content-Security-Policy of a page: its own look and nothing that runs, but for what the page itself names. */
function toPagePolicy({ logoUrl }: Brand, ...directives: string[]): string {
  return [
    "default-src 'none'",
    "style-src 'self'",
    `img-src ${['data:', logoUrl && new URL(logoUrl).href].filter(Boolean).join(' ')}`,
    ...directives,
    "frame-ancestors 'none'",
    "base-uri 'none'"
  ].join('; ')
}

/** Sends a page, whose forms lead to us alone and which runs what is ours alone. */
export function sendPage(reply: FastifyReply, page: Page, reader: Reader, brand: Brand): FastifyReply {
  return (
    reply
      .type('text/html; charset=utf-8')
      .header(
        'content-security-policy',
        toPagePolicy(brand, "script-src 'self'", "connect-src 'self'", "form-action 'self'")
      )
      // With no-referrer, a form would come with Origin: null.
      .header('referrer-policy', 'same-origin')
      .header('vary', 'accept-language')
      // It is a page and no view: the response schemas are for problems.
      .serializer(String)
      .send(toDocument(page, reader, brand))
  )
}
