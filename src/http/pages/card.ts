import { type Html, html } from '../html.ts'
import { counter } from './frame.ts'

/** A ticket that stands alone on its page. */
export function card(face: Html): Html {
  return html`<div class="tickets">
    <div class="ticket">
      <div class="stub" aria-hidden="true">${counter(44)}</div>
      <div class="face welcome">
      ${face}
      </div>
    </div>
  </div>`
}

/** Text for screen readers only. */
export const unseen = (text: Html | string) => html`<span class="hidden">${text}</span>`

/** Without a script in UTC; page.js writes it in the reader's own time. */
export function time(at: string | Date, lang: string): Html {
  const date = new Date(at)
  const text = new Intl.DateTimeFormat(lang === 'en' ? 'en-GB' : lang, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: 'UTC'
  }).format(date)
  return html`<time datetime="${date.toISOString()}">${text} UTC</time>`
}
