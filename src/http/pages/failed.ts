import { fill, html } from '../html.ts'
import { card } from './card.ts'
import type { Page } from './frame.ts'
import { explain } from './outcome.ts'
import type { Reader } from './words.ts'

interface Failure {
  code: string
  requestId: string
  retryAfterSeconds?: number
}

/** A page in place of one that could not be made: what happened, when to try again, what the operator can look for. */
export function toFailedPage({ code, requestId, retryAfterSeconds = 0 }: Failure, reader: Reader): Page {
  const { words } = reader
  return {
    title: words.failed,
    content: card(html`<div role="alert">${explain(code, reader)}
      ${retryAfterSeconds > 1 && html`<p>${fill(words.wait, { seconds: retryAfterSeconds })}</p>`}</div>
      <a class="button main" href="./">${words.again}</a>
      <p class="reference">${fill(words.reference, { id: requestId })}</p>`)
  }
}
