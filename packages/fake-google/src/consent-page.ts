import {
  AUTHORIZATION_PATH,
  type Authorization,
  type AuthorizationRequest,
  type ConsentChoices
} from './authorization.ts'
import { escapeHtml, html, isForm, type RecordedRequest, type Reply } from './http.ts'
import { IDENTITY_SCOPES, toGrantedScope } from './scopes.ts'
import type { World } from './world.ts'

/** The consent page for a real browser: a box per scope that can be unticked, a button per user, one to refuse. */
export function serveConsentPage(world: World, authorization: Authorization, request: RecordedRequest): Reply {
  try {
    if (request.method === 'GET') return html(200, page(world, request.query, authorization.validate(request.query)))
    if (request.method === 'POST' && isForm(request)) return redirect(answer(authorization, request.body))
    return html(405, '<h1>Error 405</h1>')
  } catch (error) {
    // As at Google, a faulty request ends here and never returns to the client.
    const message = error instanceof Error ? error.message : 'unknown'
    world.violations.push(`authorization: ${message}`)
    return html(400, `<h1>Error 400: invalid_request</h1><p>${escapeHtml(message)}</p>`)
  }
}

function page(world: World, query: string, request: AuthorizationRequest): string {
  const boxes = request.scopes
    .filter(scope => !IDENTITY_SCOPES.includes(toGrantedScope(scope)))
    .map(
      scope => `<label><input type="checkbox" name="grant" value="${escapeHtml(scope)}" checked> ${scope}</label><br>`
    )
  const buttons = world.users.list().map(({ sub, email, name }) => {
    return `<button name="as" value="${escapeHtml(sub)}">${escapeHtml(name)} (${escapeHtml(email)})</button>`
  })
  return `<h1>Sign in with fake Google</h1>
<form method="post" action="${AUTHORIZATION_PATH}">
<input type="hidden" name="request" value="${escapeHtml(query)}">
${boxes.join('\n')}
${buttons.join('\n')}
<button name="deny" value="access_denied">Cancel</button>
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
