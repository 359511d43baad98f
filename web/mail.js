import { api, explain } from './api.js'
import { button, el, p, time, unseen } from './elements.js'

const mailItem = ({ subject, from, snippet, receivedAt }) =>
  el(
    'li',
    {},
    el('p', { className: 'subject', dir: 'auto' }, subject || '(no subject)'),
    p(
      'from',
      el('bdi', {}, from?.name || from?.address || ''),
      receivedAt ? ' · ' : '',
      receivedAt ? time(Date.parse(receivedAt)) : ''
    ),
    el('p', { className: 'snippet', dir: 'auto' }, snippet)
  )

/** The latest mail of a connection, read when it is asked for. What ends the connection is said by `onEnd`. */
export const mailOf = (connection, onEnd) => {
  const notice = el('div', { role: 'status', className: 'quiet' })
  const list = el('ul', { role: 'list' })
  const box = el('div', {}, notice, list)
  const path = `/connections/${encodeURIComponent(connection.id)}/gmail/messages`
  const fetchMail = async () => {
    box.ariaBusy = 'true'
    notice.replaceChildren('Fetching mail from Google …')
    list.replaceChildren()
    try {
      const { items } = await api('GET', `${path}?view=summary&limit=5`)
      // One that was deleted meanwhile stands there with its error.
      const mails = items.filter(({ error }) => !error)
      list.append(...mails.map(mailItem))
      notice.replaceChildren(mails.length ? `The latest ${mails.length}, fetched just now and not kept.` : 'No mail.')
    } catch (problem) {
      if (['needs_reconnect', 'unauthenticated', 'not_found'].includes(problem.code)) {
        await onEnd(problem)
      } else notice.replaceChildren(...explain(problem), button(retry, '', 'Try again'))
    } finally {
      box.ariaBusy = 'false'
    }
  }
  const summary = el('summary', {}, 'Show latest mail', unseen(` of ${connection.account.email}`))
  const retry = () => {
    summary.focus()
    fetchMail()
  }
  const ontoggle = event => event.target.open && fetchMail()
  return el('details', { className: 'mail', ontoggle }, summary, box)
}
