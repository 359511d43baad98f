import { fill, type Html, html, name } from '../html.ts'
import type { ConnectionView } from '../views/connection.ts'
import { unseen } from './card.ts'
import { type Reader, wordsOf } from './words.ts'

/** What a page says of what happened, in the reader's words. */
export interface Outcome {
  tone: 'good' | 'warn' | 'bad'
  text: Html
}

/** What a URL's query may say happened. Anyone can write a URL, so only what can be true is shown. */
export interface OutcomeQuery {
  status?: string | undefined
  connection?: string | undefined
  done?: string | undefined
}

/** What the query says happened, if it can have happened to this reader. */
export function outcomeOf(
  { status, connection, done }: OutcomeQuery,
  reader: Reader,
  connections: readonly ConnectionView[] | undefined
): Outcome | undefined {
  const { words } = reader
  if (status === 'connected') {
    const made = connections?.find(({ id }) => id === connection)
    if (!made) return undefined
    const isPartial = made.status === 'partial'
    const text = fill(isPartial ? words.done.partial : words.done.connected, { account: name(made.account.email) })
    return { tone: isPartial ? 'warn' : 'good', text }
  }
  if (status !== undefined && /^[a-z_]{1,40}$/.test(status)) return { tone: 'bad', text: explain(status, reader) }
  const isForSignedOut = done === 'signed_out' || done === 'erased'
  const said = done === undefined || isForSignedOut !== !connections ? undefined : wordsOf(words.done, done)
  return said === undefined || said.includes('{') ? undefined : { tone: 'good', text: html`${said}` }
}

/** A code in words; where there are none, the code is what the operator is told. */
export function explain(code: string, { words }: Reader): Html {
  const known = wordsOf(words.codes, code)
  if (known !== undefined) return html`<p>${known}</p>`
  return html`<p>${words.otherwise}</p><p class="reference">${fill(words.reference, { id: code })}</p>`
}

/** It takes the focus, so that it is read out and the keyboard goes on from there. */
export function toMessage(outcome: Outcome | undefined, { words }: Reader): Html | undefined {
  if (!outcome) return undefined
  const { tone, text } = outcome
  return html`<div class="message ${tone}" role="${tone === 'bad' ? 'alert' : 'status'}" tabindex="-1" autofocus>
    <div>${text}</div>
    <a class="button" href="./" data-close>${words.close}${unseen(` ${words.thisMessage}`)}</a>
  </div>`
}
