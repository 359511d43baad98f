import { escapeHtml, isForm, type RecordedRequest, type Reply } from './http.ts'
import { page } from './page.ts'
import type { User } from './users.ts'
import type { World } from './world.ts'

export const CONTROLS_PATH = '/controls'

interface Lever {
  label: string
  /** The message shown once it is done. */
  pull(world: World, user: User): string
}

const MAILS = [
  ['Samir <samir@example.net>', 'The train is late', 'I shall be there at nine. Keep me a plate.'],
  [
    'Ferry Office <office@ferries.example>',
    'Tomorrow’s crossing is confirmed',
    'Boarding closes at 7:40. Bring this number: 4711.'
  ],
  ['Mira <mira@example.net>', 'One more thing', 'The key is under the third pot, not the second.']
] as const
let delivered = 0

/** Actions of a user, an administrator or time at Google, by hand for a demo. */
const LEVERS: Record<string, Lever> = {
  deliver: {
    label: 'Deliver a new mail',
    pull(_world, user) {
      const [from, subject, body] = MAILS[delivered++ % MAILS.length] ?? MAILS[0]
      user.gmail.receive({ from, subject, body })
      return `“${subject}” is in the inbox.`
    }
  },
  expire: {
    label: 'Let access tokens expire',
    pull(world, user) {
      world.grants.expireAccessTokens(user.sub)
      return 'Its access tokens are refused from now on: they have to be refreshed.'
    }
  },
  password: {
    label: 'Change the password',
    pull(world, user) {
      world.grants.changePassword(user.sub)
      return 'Its refresh tokens for Gmail are dead, as after a change of password.'
    }
  },
  revoke: {
    label: 'Take the permission back',
    pull(world, user) {
      world.grants.revoke(user.sub)
      return 'The permission is withdrawn, as at myaccount.google.com.'
    }
  },
  quota: {
    label: 'Fill the quota',
    pull(world, user) {
      const left = world.usage.limits.unitsPerUser - world.usage.unitsInLastMinute(user.email)
      if (left > 0) world.usage.spend(user.email, 'filled by hand', left)
      return 'Gmail refuses its calls for the next minute.'
    }
  }
}

/** The page of controls: only in a demo, and usable only from the page itself. */
export function serveControls(world: World, request: RecordedRequest): Reply {
  if (request.method === 'GET') return show(world, undefined)
  // Another site's page must not press them.
  if (request.method !== 'POST' || !isForm(request) || request.headers.origin !== world.origin) {
    return page(403, 'Error 403', '<h1>Error 403</h1>')
  }
  const form = new URLSearchParams(request.body)
  const lever = LEVERS[form.get('lever') ?? '']
  const user = world.users.find(form.get('sub') ?? '')
  if (!lever || !user) return page(400, 'Error 400', '<h1>Error 400</h1>')
  return show(world, `${user.name}: ${lever.pull(world, user)}`)
}

function show(world: World, done: string | undefined): Reply {
  const accounts = world.users.list().map(user => {
    const granted = world.grants.find(user.sub)
    const scopes = granted?.scopes.map(scope => scope.slice(scope.lastIndexOf('/') + 1)).join(', ')
    const levers = Object.entries(LEVERS).map(([name, { label }]) => {
      return `<button name="lever" value="${name}">${label}</button>`
    })
    return `<form method="post" action="${CONTROLS_PATH}"><h2>${escapeHtml(user.name)}</h2>
<p class="quiet">${escapeHtml(user.email)} · ${user.messages.length} mails · ${world.usage.unitsInLastMinute(user.email)} units in the last minute</p>
<p class="quiet">${scopes ? `Granted: ${escapeHtml(scopes)}` : 'Nothing is granted'}</p>
<input type="hidden" name="sub" value="${escapeHtml(user.sub)}"><div class="levers">${levers.join('')}</div></form>`
  })
  const said = done === undefined ? '' : `<p class="done" role="status">${escapeHtml(done)}</p>`
  const intro = '<p>What Google and its users do, by hand. Then look at what the app makes of it.</p>'
  return page(200, 'Play Google', `<h1>Play Google</h1>${intro}${said}${accounts.join('')}`)
}
