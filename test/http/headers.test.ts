import type { LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { createServer } from '../../src/app.ts'
import { parseConfig } from '../../src/config/config.ts'
import { createBackend } from '../backend/backend.ts'
import { enter, isProblem, problemOf } from '../helper.ts'
import { listen, send } from './raw.ts'
import { bodyFor, fill, ownParameters, routesOf } from './routes.ts'

const html = { accept: 'text/html' }

function isHardened(
  t: Test,
  { headers }: LightMyRequestResponse,
  what: string,
  referrerPolicies = ['no-referrer']
): void {
  const policy = String(headers['content-security-policy']).split(/; ?/)
  t.ok(policy.includes("default-src 'none'"), `${what}: CSP default-src`)
  t.ok(policy.includes("frame-ancestors 'none'"), `${what}: CSP frame-ancestors`)
  t.match(headers['strict-transport-security'], /^max-age=\d{7,}/, `${what}: HSTS`)
  t.equal(headers['x-content-type-options'], 'nosniff', `${what}: nosniff`)
  t.ok(referrerPolicies.includes(String(headers['referrer-policy'])), `${what}: no referrer`)
}

const pages = new Set(['/', '/start', '/popup', '/disconnect', '/sign-out', '/delete-account'])

t.test('[R51] headers › every route, for a stranger and for its user › on every answer', async t => {
  const { app, google, browser, signedIn } = await enter(t)
  let ada = await signedIn()
  const parameters = await ownParameters(ada, google)
  const routes = routesOf(app)
  t.ok(routes.length > 20, 'the list is not empty')
  for (const route of routes) {
    const request = { method: route.method, url: fill(route, parameters), ...bodyFor(route, parameters) }
    const what = `${route.method} ${route.url}`
    // Pages that have a form: without a referrer, the form would come with `Origin: null`.
    const policies = pages.has(route.url) ? ['same-origin', 'no-referrer'] : undefined
    isHardened(t, await browser().request(request), `${what} as a stranger`, policies)
    isHardened(t, await browser().request({ ...request, headers: html }), `${what} navigated as a stranger`, policies)
    if ((await ada.fetch('/auth/session')).statusCode !== 200) ada = await signedIn()
    isHardened(t, await ada.request(request), `${what} signed in`, policies)
  }
  t.same(google.violations, [])
})

t.test('[R51] headers › answers that no route gives: 404, 405, 400, 414, 415, preflight', async t => {
  const { app, signedIn } = await enter(t, { environment: { ALLOWED_ORIGINS: 'https://app.example.com' } })
  const ada = await signedIn()
  const preflight = { origin: 'https://app.example.com', 'access-control-request-method': 'DELETE' }
  const json = { 'content-type': 'application/json' }
  for (const [status, request] of [
    [404, { method: 'GET', url: '/no-such-thing' }],
    [404, { method: 'GET', url: '/no-such-thing', headers: html }],
    [405, { method: 'PUT', url: '/connections' }],
    [405, { method: 'HEAD', url: '/auth/session' }],
    [400, { method: 'GET', url: '/auth/google?returnTo=//evil.example' }],
    [400, { method: 'GET', url: '/%c0%af' }],
    [400, { method: 'POST', url: '/connections/x1/gmail/messages/x1/modify', headers: json, payload: '{' }],
    [414, { method: 'GET', url: `/connections/${'a'.repeat(1100)}` }],
    [415, { method: 'POST', url: '/connections/x1/gmail/messages/x1/modify', payload: 'a=b' }],
    [204, { method: 'OPTIONS', url: '/connections', headers: preflight }]
  ] as const) {
    const response = await ada.request(request)
    t.equal(response.statusCode, status, `${request.method} ${request.url.slice(0, 60)}`)
    isHardened(t, response, `${status} to ${request.method} ${request.url.slice(0, 60)}`)
  }
  isHardened(t, await app.inject('/auth/session'), '401')
})

t.test('[R51] headers › what Node’s HTTP parser refuses › on the bare socket’s answer too', async t => {
  const { app } = await enter(t)
  const port = await listen(app)
  const head = 'GET /livez HTTP/1.1\r\nhost: x\r\n'
  for (const [status, bytes] of [
    [431, `${head}x-long: ${'a'.repeat(70_000)}\r\n\r\n`],
    [400, 'not HTTP\r\n\r\n'],
    [400, `${head}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`],
    [400, `${head}bad header: x\r\n\r\n`]
  ] as const) {
    const { text, status: answered } = await send(port, bytes)
    t.equal(answered, status)
    const lines = text.split('\r\n\r\n', 1)[0]?.split('\r\n').slice(1) ?? []
    const headers = Object.fromEntries(lines.map(line => line.split(': ', 2)))
    isHardened(t, { headers } as LightMyRequestResponse, bytes.slice(0, 60))
    t.equal(headers['cache-control'], 'no-store')
  }
})

t.test('[R51] headers › an unexpected error › 500 or 303, with the headers and no detail', async t => {
  const { environment, clock, signedIn } = await enter(t)
  const app = await createServer({ ...parseConfig(environment), clock })
  t.teardown(() => app.close())
  app.get('/throws', () => {
    throw new Error('CANARY in a message')
  })
  await app.ready()
  const broken = await app.inject('/throws')
  isProblem(t, broken, 500, 'internal')
  isHardened(t, broken, '500')

  const ada = (await signedIn()).clone(app)
  app.users.find = async () => {
    throw new Error('CANARY in a message')
  }
  const own = await ada.fetch('/auth/session')
  isProblem(t, own, 500, 'internal')
  isHardened(t, own, '500 of a route of ours')
  app.flows.start = app.users.find as never
  const navigated = await ada.navigate('/auth/google')
  t.equal(navigated.headers.location, '/?status=internal')
  isHardened(t, navigated, '303 of a bug')
  for (const response of [broken, own, navigated])
    t.notMatch(`${response.body}${JSON.stringify(response.headers)}`, 'CANARY')
})

t.test('[R50] headers › no-store on every answer that is not the same for everyone', async t => {
  const { app, google, browser, signedIn } = await enter(t)
  let ada = await signedIn()
  const parameters = await ownParameters(ada, google)
  const shared: string[] = []
  for (const route of routesOf(app)) {
    const what = `${route.method} ${route.url}`
    const own = { method: route.method, url: fill(route, parameters), ...bodyFor(route, parameters) }
    for (const request of [own, { ...own, url: `${own.url}?unknown=1` }, { ...own, url: fill(route) }]) {
      for (const headers of [{}, html]) {
        if ((await ada.fetch('/auth/session')).statusCode !== 200) ada = await signedIn()
        const response = await ada.request({ ...request, headers })
        const stranger = await browser().request({ ...request, headers })
        if (response.headers['cache-control'] === 'no-store' && stranger.headers['cache-control'] === 'no-store')
          continue
        t.equal(response.headers['set-cookie'], undefined, `${what}: may be kept, sets no cookie`)
        t.equal(response.body, stranger.body, `${what}: may be kept, is the same for all`)
        t.equal(response.statusCode, 200, `${what}: only a success may be kept`)
        shared.push(route.url)
      }
    }
  }
  t.notOk(
    shared.some(url => /^\/(auth|connect|connections|v1|start)/.test(url)),
    'no route of a user'
  )
  t.same(google.violations, [])
})

t.test('[R50][R51] headers › every success of a backend › no-store, and the headers of every answer', async t => {
  const { app, google, signedIn } = await enter(t)
  const ada = await signedIn()
  const parameters = await ownParameters(ada, google)
  const drafts = `/connections/${parameters.id}/gmail/drafts`
  parameters.draftId = (await ada.fetch(drafts, 'POST', { to: ['bob@example.com'], text: 'x' })).json().id
  const backend = await createBackend(app)
  const routes = routesOf(app).filter(({ method, url }) => url.startsWith('/v1/') && method !== 'OPTIONS')
  const successes: Record<string, number> = {}
  for (const route of routes) {
    const what = `${route.method} ${route.url}`
    const { payload } = route.url === '/v1/tickets' ? { payload: { externalId: 'u-17' } } : bodyFor(route, parameters)
    const method = route.method as 'GET' | 'POST' | 'DELETE'
    const response = await backend.fetch(fill(route, parameters), method, payload as object | undefined)
    successes[what] = response.statusCode
    isHardened(t, response, what)
    t.equal(response.headers['cache-control'], 'no-store', what)
    t.equal(response.headers['set-cookie'], undefined, what)
  }
  // The connection is one of Gmail: to the calendar's routes it is not there.
  for (const what of Object.keys(successes)) if (what.includes('/calendar/')) delete successes[what]
  const ofGmail = Object.entries(successes).filter(([what]) => what.includes('/gmail/'))
  t.ok(ofGmail.length > 20)
  for (const [what, status] of ofGmail) {
    if (/GET|labels|modify|trash/i.test(what)) t.ok(status < 300, `${what}: ${status}`)
    delete successes[what]
  }
  t.same(successes, {
    'GET /v1/connections': 200,
    'GET /v1/connections/:id': 200,
    'POST /v1/connections/:id/token': 200,
    'POST /v1/tickets': 201,
    'GET /v1/events': 200,
    'DELETE /v1/connections/:id': 200
  })
  t.same(google.violations, [])
})

t.test('[R50] headers › no-store wherever a cookie is set and wherever a user is shown', async t => {
  const { browser, signedIn, google } = await enter(t)
  const eve = browser()
  const started = await eve.fetch('/auth/google')
  t.ok(started.headers['set-cookie'])
  const finished = await eve.fetch(await eve.authorize('/auth/google'))
  t.ok(finished.headers['set-cookie'])
  t.equal(finished.json().user.email, 'ada@example.com')
  const ada = await signedIn()
  const connected = await ada.connect()
  const { id } = connected.json().connection
  const out = await ada.clone().fetch('/auth/session', 'DELETE')
  const answers = [started, finished, connected, out, await eve.navigate('/auth/google')]
  const bob = await signedIn('bob@example.com')
  answers.push(await bob.fetch('/connections'), await bob.fetch(`/connections/${id}`), await bob.fetch('/auth/session'))
  for (const { statusCode, headers, body } of answers)
    t.equal(headers['cache-control'], 'no-store', `${statusCode} ${body.slice(0, 60)}`)
  t.equal(problemOf(answers.at(-2) ?? started).code, 'not_found')
  t.same(google.violations, [])
})
