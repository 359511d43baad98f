import { api, explain, REASONS } from './api.js'
import { button, el, link, p, time, unseen } from './elements.js'
import { mailOf } from './mail.js'

/** What a scope lets apps do; one that is not listed here is shown by its name. */
const SCOPES = {
  'gmail.readonly': 'read your mail',
  'gmail.modify': 'label, archive and bin messages',
  'calendar.readonly': 'see your calendars',
  'drive.readonly': 'see your files'
}

const STATES = { active: 'Active', partial: 'Partial', needs_reconnect: 'Needs reconnect' }

const REVOKED = {
  confirmed: 'Google has withdrawn the permission.',
  pending: 'It is erased here. Google has not confirmed the withdrawal yet; it is being asked again until it does.',
  kept: 'It is erased here. Google’s permission stays, because another connection of the same account still uses it.'
}

const $ = id => document.getElementById(id)
const [view, who, dialog] = [$('view'), $('who'), $('ask')]

const scopeName = scope => scope.slice(scope.lastIndexOf('/') + 1)

const inWords = (scopes, type) =>
  new Intl.ListFormat('en-GB', { type }).format(
    scopes.map(scope => SCOPES[scopeName(scope)] ?? `use ${scopeName(scope)}`)
  )

/** Both live regions are in the document from the start: one that arrives with its text is often not read out. */
const say = (kind, content, action) => {
  const close = () => {
    box.remove()
    document.querySelector('h1').focus()
  }
  const closer = button(close, '', 'Close', unseen(' this message'))
  const box = el('div', { className: `message ${kind}` }, el('div', {}, ...content), action, closer)
  $(kind === 'bad' ? 'alert' : 'status').replaceChildren(box)
  box.scrollIntoView({ block: 'nearest' })
}

/** Draws the page anew and says why. What held the focus may be gone: the list it belonged to is the next best place. */
const refresh = async (kind, content) => {
  const isLoaded = await load()
  ;(view.querySelector('h2') ?? document.querySelector('h1')).focus()
  // What went wrong before matters less than that the page cannot be loaded now.
  if (content && (isLoaded || kind === 'good')) say(kind, content)
}

const ask = (title, lines, yes, act) => {
  $('ask-title').textContent = title
  $('ask-text').replaceChildren(...lines.map(line => p('', line)))
  $('ask-alert').replaceChildren()
  $('ask-yes').textContent = yes
  $('ask-yes').onclick = async () => {
    // Not `disabled`: that would throw the keyboard's focus out of the dialog.
    if (dialog.ariaBusy === 'true') return
    dialog.ariaBusy = 'true'
    $('ask-alert').replaceChildren()
    try {
      const done = await act()
      dialog.close()
      await refresh('good', [p('', done)])
    } catch (problem) {
      if (!['unauthenticated', 'not_found'].includes(problem.code))
        return $('ask-alert').replaceChildren(...explain(problem))
      dialog.close()
      await refresh('bad', explain(problem))
    } finally {
      dialog.ariaBusy = 'false'
    }
  }
  dialog.showModal()
}
$('ask-no').onclick = () => dialog.close()
dialog.oncancel = event => {
  if (dialog.ariaBusy === 'true') event.preventDefault()
}

const signOut = async () => {
  try {
    await api('DELETE', '/auth/session')
    await refresh('good', [p('', 'You are signed out. What you connected stays connected.')])
  } catch (problem) {
    say('bad', explain(problem))
  }
}

const deleteAccount = () =>
  ask(
    'Delete your account here?',
    [
      'Every connection is ended and its permission given back to Google, everything this server keeps about you is erased, and you are signed out everywhere. Apps can no longer reach your Google accounts through it.',
      'Your Google accounts themselves, with their mail and files, are not touched. This cannot be undone.'
    ],
    'Delete account',
    async () => {
      await api('DELETE', '/auth/user')
      return 'Your account and its connections are deleted.'
    }
  )

const disconnect = (connection, { title }) =>
  ask(
    `Disconnect ${title}?`,
    [
      `Apps can then no longer use ${connection.account.email}. The permission is given back to Google and erased here; nothing in the account itself changes.`,
      'You can connect it again at any time.'
    ],
    'Disconnect',
    async () => {
      const { revoked } = await api('DELETE', `/connections/${encodeURIComponent(connection.id)}`)
      return `${title} (${connection.account.email}) is disconnected. ${REVOKED[revoked] ?? ''}`
    }
  )

const HOUR = 3_600_000
const notesOf = ({ status, reason, missingScopes, refreshTokenExpiresAt: endsAt }, { scopes }) => {
  if (status === 'needs_reconnect') return { repair: true, notes: [p('', REASONS[reason] ?? REASONS.revoked)] }
  const open = scopes.filter(scope => !missingScopes.includes(scope))
  const notes = open.length ? [p('', `Apps may ${inWords(open)}.`)] : []
  if (missingScopes.length)
    notes.push(
      p(
        'warning',
        `Apps may not ${inWords(missingScopes, 'disjunction')}: Google’s permission leaves that out. `,
        'To allow it, reconnect and tick every box on Google’s page.'
      )
    )
  const left = endsAt ? Date.parse(endsAt) - Date.now() : Number.POSITIVE_INFINITY
  if (left < 48 * HOUR) {
    const soon = left < HOUR ? 'within the hour' : `in about ${Math.round(left / HOUR)} hours`
    notes.push(p('warning', `Google ends this permission ${soon}, on `, time(endsAt), '. Reconnect before then.'))
  }
  return { repair: status === 'partial' || left < 48 * HOUR, notes }
}

const ticket = (connection, entry, number, fresh) => {
  const { id, status, service, account, createdAt, grantedScopes, connectUrl } = connection
  const { title } = entry
  const of = unseen(` ${title}, ${account.email}`)
  const { repair, notes } = notesOf(connection, entry)
  const href = connectUrl ?? `/connect/${service}?connectionId=${encodeURIComponent(id)}`
  const reads = grantedScopes.some(scope => ['gmail.readonly', 'gmail.modify'].includes(scopeName(scope)))
  const face = el(
    'div',
    { className: 'face' },
    el('div', { className: 'top' }, el('h3', {}, title), p('stamp', STATES[status] ?? status)),
    p('account', ...account.email.split(/(?=@)/).flatMap(part => [el('wbr'), part])),
    ...notes,
    p('when', 'Connected ', time(createdAt)),
    service === 'gmail' && reads && status !== 'needs_reconnect'
      ? mailOf(connection, problem => refresh('bad', explain(problem)))
      : undefined,
    el(
      'div',
      { className: 'actions' },
      repair ? link(href, 'main', 'Reconnect', of.cloneNode(true)) : undefined,
      button(() => disconnect(connection, entry), 'danger', 'Disconnect', of)
    )
  )
  // Google Calendar, Google Drive: the last word is what tells them apart.
  const letter = title.split(' ').at(-1).slice(0, 1)
  const className = `ticket ${status} ${fresh ? 'fresh' : ''}`
  return el('li', {}, el('article', { className, ariaLabel: `${title}, ${account.email}` }, stub(letter, number), face))
}

const stub = (sign, number) =>
  el('div', { className: 'stub', ariaHidden: 'true' }, sign, el('small', {}, `Nº ${number}`))

const blank = ({ id, title, scopes }, again) =>
  el(
    'li',
    { className: 'blank' },
    el('div', {}, el('h3', {}, title), p('quiet', `Lets apps ${inWords(scopes)}.`)),
    link(`/connect/${id}`, again ? '' : 'main', again ? 'Connect another' : 'Connect', unseen(` ${title} account`))
  )

const heading = text => el('h2', { tabIndex: -1 }, text)

const signedIn = (user, services, connections, fresh) => {
  const name = user.name || user.email || 'You'
  const initials = name.split(/\s+/, 2).map(part => part.slice(0, 1).toUpperCase())
  const entryOf = id => services.find(each => each.id === id) ?? { id, title: id, scopes: [] }
  who.replaceChildren(
    el('span', { className: 'initials', ariaHidden: 'true' }, ...initials),
    el('span', { className: 'name' }, unseen('Signed in as '), name),
    button(signOut, '', 'Sign out')
  )
  const connected = new Set(connections.map(each => each.service))
  const tickets = connections.map((each, index) => ticket(each, entryOf(each.service), index + 1, each.id === fresh))
  view.replaceChildren(
    heading('Your connections'),
    tickets.length
      ? el('ul', { className: 'tickets', role: 'list' }, ...tickets)
      : p('quiet', 'Nothing is connected yet. Choose a service below; Google then asks you what you allow.'),
    heading(tickets.length ? 'Connect more' : 'Services'),
    el('ul', { role: 'list' }, ...services.map(entry => blank(entry, connected.has(entry.id)))),
    heading('Your account'),
    p('quiet', `Signed in as ${user.email || name}.`),
    el('div', { className: 'actions' }, button(deleteAccount, 'danger', 'Delete account'))
  )
}

const signedOut = () => {
  who.replaceChildren()
  const face = el(
    'div',
    { className: 'face welcome' },
    heading('Please step up to the counter'),
    p('', 'Sign in to see which of your Google accounts apps may use, to connect one, or to take the permission back.'),
    link('/auth/google', 'main', 'Sign in with Google'),
    p('when', 'Signing in only tells us who you are. It opens no mail and no files.')
  )
  const sign = document.querySelector('.brand svg').cloneNode(true)
  view.replaceChildren(el('div', { className: 'tickets' }, el('div', { className: 'ticket' }, stub(sign, 0), face)))
}

/** Reads everything anew and draws it. Answers the connections, or nothing if the page cannot be shown. */
const load = async fresh => {
  view.ariaBusy = 'true'
  $('status').replaceChildren()
  $('alert').replaceChildren()
  try {
    const { user } = await api('GET', '/auth/session')
    const [{ services }, { connections }] = await Promise.all([api('GET', '/services'), api('GET', '/connections')])
    signedIn(user, services, connections, fresh)
    return connections
  } catch (problem) {
    if (problem.code === 'unauthenticated') {
      signedOut()
      return []
    }
    view.replaceChildren()
    say(
      'bad',
      explain(problem),
      button(() => refresh(), 'main', 'Try again')
    )
  } finally {
    view.ariaBusy = 'false'
  }
}

const start = async () => {
  const query = new URLSearchParams(location.search)
  const status = query.get('status')
  const id = query.get('connection')
  // Said once: a reload or a bookmark must not say it again.
  if (status) history.replaceState(null, '', location.pathname)
  view.replaceChildren(p('quiet', 'Loading …'))
  const connections = await load(id)
  const connected = connections?.find(each => each.id === id)
  if (status === 'connected' && connected) {
    const extent = connected.status === 'partial' ? ', though not with everything asked for' : ''
    say('good', [p('', `${connected.account.email} is connected${extent}.`)])
  }
  // The address bar can hold anything: only what looks like a code is shown.
  if (connections && /^(?!connected$)[a-z_]{1,40}$/.test(status ?? '')) say('bad', explain({ code: status }))
}

// Back from Google, or after signing out, the browser may show the page as it was left: it must not show what is no longer so.
addEventListener('pageshow', event => event.persisted && load())
start()
