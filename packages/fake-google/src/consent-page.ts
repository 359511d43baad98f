import {
  AUTHORIZATION_PATH,
  type Authorization,
  type AuthorizationRequest,
  type ConsentChoices
} from './authorization.ts'
import { escapeHtml, isForm, type RecordedRequest, type Reply } from './http.ts'
import { page } from './page.ts'
import { IDENTITY_SCOPES, inWords, toGrantedScope } from './scopes.ts'
import type { World } from './world.ts'

/** The consent page for a real browser: a box per scope that can be unticked, a button per user, one to refuse. */
export function serveConsentPage(world: World, authorization: Authorization, request: RecordedRequest): Reply {
  try {
    if (request.method === 'GET') {
      return page(200, 'Choose an account', choice(world, request.query, authorization.validate(request.query)))
    }
    if (request.method === 'POST' && isForm(request)) return redirect(answer(authorization, request.body))
    return page(405, 'Error 405', '<h1>Error 405</h1>')
  } catch (error) {
    // As at Google, a faulty request ends here and never returns to the client.
    const message = error instanceof Error ? error.message : 'unknown'
    world.violations.push(`authorization: ${message}`)
    return page(400, 'Error 400', `<h1>Error 400: invalid_request</h1><p>${escapeHtml(message)}</p>`)
  }
}

function choice(world: World, query: string, request: AuthorizationRequest): string {
  const boxes = request.scopes
    .filter(scope => !IDENTITY_SCOPES.includes(toGrantedScope(scope)))
    .map(scope => {
      const value = escapeHtml(scope)
      return `<label><input type="checkbox" name="grant" value="${value}" checked><span>${inWords(scope)}<small>${value}</small></span></label>`
    })
  // A hinted account stands first, as at Google.
  const users = world.users.list()
  const hinted = users.filter(({ sub, email }) => request.loginHint === sub || request.loginHint === email)
  const buttons = [...hinted, ...users.filter(user => !hinted.includes(user))].map(({ sub, email, name }) => {
    return `<button class="account" name="as" value="${escapeHtml(sub)}">${escapeHtml(name)}<span>${escapeHtml(email)}</span></button>`
  })
  const client = escapeHtml(world.client.name)
  return `<h1>${boxes.length > 0 ? `${client} wants access to your Google account` : `Sign in to ${client}`}</h1>
<form method="post" action="${AUTHORIZATION_PATH}">
<input type="hidden" name="request" value="${escapeHtml(query)}">
${boxes.length > 0 ? `<h2>What it may do</h2>${boxes.join('\n')}` : ''}
<h2>${boxes.length > 0 ? 'Continue as' : 'Choose an account'}</h2>
${buttons.join('\n')}
<p class="levers"><button name="deny" value="access_denied">Cancel</button></p>
</form>`
}

function answer(authorization: Authorization, body: string): string {
  const form = new URLSearchParams(body)
  const as = form.get('as')
  const deny = form.get('deny')
  const choices: ConsentChoices = {
    grant: form.getAll('grant'),
    ...(as === null ? {} : { as }),
    ...(deny === null ? {} : { deny })
  }
  return authorization.decide(authorization.validate(form.get('request') ?? ''), choices)
}

function redirect(location: string): Reply {
  return { status: 302, headers: { location, 'cache-control': 'no-store' }, body: '' }
}
