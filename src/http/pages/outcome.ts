import { fill, type Html, html, name } from '../html.ts'
import type { ConnectionView } from '../views/connection.ts'
import { unseen } from './card.ts'
import { type Reader, wordsOf } from './words.ts'

/** What a page says of what happened, in the reader's words. */
export interface Outcome {
  isBad: boolean
  text: Html
}

/** What an address may say of how it came to be: anyone can write one, so that only what can be true is shown. */
export interface OutcomeQuery {
  status?: string | undefined
  connection?: string | undefined
  done?: string | undefined
}

/** What the address says happened, if it is something that can have happened to this reader. */
export function outcomeOf(
  { status, connection, done }: OutcomeQuery,
  reader: Reader,
  connections: readonly ConnectionView[] | undefined
): Outcome | undefined {
  const { words } = reader
  if (status === 'connected') {
    const made = connections?.find(({ id }) => id === connection)
    if (!made) return undefined
    const text = made.status === 'partial' ? words.done.partial : words.done.connected
    return { isBad: false, text: fill(text, { account: name(made.account.email) }) }
  }
  if (status !== undefined && /^[a-z_]{1,40}$/.test(status)) return { isBad: true, text: explain(status, reader) }
  const isForSignedOut = done === 'signed_out' || done === 'erased'
  const said = done === undefined || isForSignedOut !== !connections ? undefined : wordsOf(words.done, done)
  return said === undefined || said.includes('{') ? undefined : { isBad: false, text: html`${said}` }
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
  const { isBad, text } = outcome
  return html`<div class="message ${isBad ? 'bad' : 'good'}" role="${isBad ? 'alert' : 'status'}" tabindex="-1" autofocus>
    <div>${text}</div>
    <a class="button" href="./" data-close>${words.close}${unseen(` ${words.thisMessage}`)}</a>
  </div>`
}
