import { api, explain } from './api.js'
import { button, el, p, time, unseen } from './elements.js'

/** Gmail escapes exactly these five in a snippet; read as HTML they would be markup from a stranger. */
const ENTITIES = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" }
const unescaped = text => text.replace(/&(?:amp|lt|gt|quot|#39);/g, entity => ENTITIES[entity])

const mailItem = ({ payload, snippet = '', internalDate }) => {
  const header = name => payload?.headers?.find(each => each.name.toLowerCase() === name)?.value ?? ''
  const from = header('from')
  const sender = from.indexOf('<') > 0 ? from.slice(0, from.indexOf('<')).replaceAll('"', '').trim() : from
  const at = Number(internalDate) || Date.parse(header('date'))
  return el(
    'li',
    {},
    el('p', { className: 'subject', dir: 'auto' }, header('subject') || '(no subject)'),
    p('from', el('bdi', {}, sender), at ? ' · ' : '', at ? time(at) : ''),
    el('p', { className: 'snippet', dir: 'auto' }, unescaped(snippet))
  )
}

/** The latest mail of a connection, read when it is asked for. What ends the connection is said by `onEnd`. */
export const mailOf = (connection, onEnd) => {
  const notice = el('div', { role: 'status', className: 'quiet' })
  const list = el('ul', { role: 'list' })
  const box = el('div', {}, notice, list)
  const path = `/connections/${encodeURIComponent(connection.id)}/gmail/messages`
  /** Nothing for one that was deleted since the list was made. */
  const fetchOne = id =>
    api('GET', `${path}/${encodeURIComponent(id)}?format=metadata`).catch(problem => {
      if (problem.code !== 'not_found') throw problem
    })
  const fetchMail = async () => {
    box.ariaBusy = 'true'
    notice.replaceChildren('Fetching mail from Google …')
    list.replaceChildren()
    try {
      const { messages = [] } = await api('GET', `${path}?maxResults=10`)
      const found = await Promise.all(messages.map(({ id }) => fetchOne(id)))
      const mails = found.filter(Boolean)
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
