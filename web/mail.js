import { localize } from './time.js'

const words = JSON.parse(document.getElementById('words')?.dataset.words ?? '{}')

const el = (tag, properties, ...children) => {
  const node = Object.assign(document.createElement(tag), properties)
  node.append(...children)
  return node
}

/** Strings among the children become text, never markup: a mail is written by a stranger. */
const mailItem = ({ error, subject, from, receivedAt, snippet = '' }) => {
  if (error) return el('li', { className: 'from' }, words.unread)
  const at = receivedAt ? [' · ', el('time', { dateTime: receivedAt })] : []
  return el(
    'li',
    {},
    el('p', { className: 'subject', dir: 'auto' }, subject || words.noSubject),
    el('p', { className: 'from' }, el('bdi', {}, from?.name || from?.address || ''), ...at),
    el('p', { className: 'snippet', dir: 'auto' }, snippet)
  )
}

/** Answers what the API says; a problem of its is thrown, with its `code`. */
const fetchJson = async path => {
  const answer = await fetch(path, { headers: { accept: 'application/json' } }).catch(() => undefined)
  const body = await answer?.json().catch(() => undefined)
  if (answer?.ok) return body
  throw Object.assign(new Error(path), { code: answer ? 'internal' : 'offline' }, body)
}

/** The latest mail of a connection, read when it is asked for. */
export const showMail = details => {
  const [notice, list] = details.querySelector('div').children
  const summary = details.querySelector('summary')
  const read = async () => {
    details.ariaBusy = 'true'
    notice.textContent = words.fetching
    list.replaceChildren()
    try {
      const { items = [] } = await fetchJson(`${details.dataset.mail}?view=summary&limit=10`)
      // One that was deleted meanwhile is no loss.
      const mails = items.filter(({ error }) => error?.code !== 'not_found')
      list.append(...mails.map(mailItem))
      localize(list)
      notice.textContent = mails.length ? words.latest.replace('{count}', mails.length) : words.none
    } catch ({ code, retryAfterSeconds: pause }) {
      // What ended the connection, or the session, is told by the page made anew.
      if (['needs_reconnect', 'unauthenticated', 'not_found'].includes(code))
        return location.assign(`./?status=${code}`)
      const wait = pause > 1 ? ` ${words.wait.replace('{seconds}', pause)}` : ''
      const retry = () => {
        summary.focus()
        read()
      }
      const again = el('button', { type: 'button', onclick: retry }, words.again)
      notice.replaceChildren((words.codes[code] ?? words.otherwise) + wait, ' ', again)
    } finally {
      details.ariaBusy = 'false'
    }
  }
  details.ontoggle = () => details.open && read()
  details.hidden = false
}
