import { findService } from '../../catalogue.ts'
import { fill, type Html, html, name } from '../html.ts'
import type { ConnectionView } from '../views/connection.ts'
import { card } from './card.ts'
import type { Page } from './frame.ts'
import type { Reader } from './words.ts'

interface Question {
  title: string
  text: Html
  note: string
  button: string
  action: string
  field?: Html
}

/** Before a connection is ended. */
export function toDisconnectPage({ id, service, account }: ConnectionView, reader: Reader): Page {
  const { disconnect } = reader.words
  return toQuestion(
    {
      title: disconnect.title.replace('{service}', () => findService(service)?.title ?? service),
      text: fill(disconnect.text, { account: name(account.email) }),
      note: disconnect.note,
      button: disconnect.button,
      action: 'disconnect',
      field: html`<input type="hidden" name="connection" value="${id}">`
    },
    reader
  )
}

/** Before an account is erased. */
export function toErasePage(reader: Reader): Page {
  const { title, text, note, button } = reader.words.erase
  return toQuestion({ title, text: html`${text}`, note, button, action: 'delete-account' }, reader)
}

/** The harmless answer comes first. */
function toQuestion({ title, text, note, button, action, field }: Question, { words }: Reader): Page {
  return {
    title,
    content: card(html`<p>${text}</p>
      <p>${note}</p>
      <form method="post" action="${action}" class="actions">
        ${field}
        <a class="button" href="./" autofocus>${words.cancel}</a>
        <button type="submit" class="danger">${button}</button>
      </form>`)
  }
}
