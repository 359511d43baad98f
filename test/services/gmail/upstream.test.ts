import { join } from 'node:path'
import { startFakeGoogle } from '@guichet/fake-google'
import { createCertificate } from '@guichet/fake-google/certificate'
import { startTlsDoor } from '@guichet/fake-google/tls-door'
import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { getGlobalDispatcher, setGlobalDispatcher } from 'undici'
import { build, collectionsOf, isProblem } from '../../helper.ts'
import { injectAt, startServer } from '../../process.ts'
import { connectedMailbox, gmailRoutes } from './mailbox.ts'

const hostile = [
  ...['..%2f..%2foauth2', '%2e%2e%2f', '%252e%252e%252f', '..%5c', 'a%2fb', 'a%3fx=1', 'a%23b'],
  ...['%40evil.example', 'a%00', 'a%0d%0aX-Evil:1', 'a%20b', 'a%c3%a9', 'a;b', 'a:modify', "a'b", 'a%7bb', '%', '%zz'],
  ...['x'.repeat(300), '%F0%9F%97%9D', '*', 'a.b']
]
/** Longer than a parameter may be: the router refuses it before it finds a route. */
const tooLong = 'x'.repeat(1025)
/**
 * The client resolves these dots itself, and asks for another path: one that is no route (404), `messages/modify` and
 * `messages/trash`, which take no POST (405), or a route without its id. In the order of the requests below.
 */
const resolved: Record<string, number[]> = {
  '..': [404, 404, 404, 404, 404, 404],
  '../../oauth2': [404, 404, 404, 404, 404],
  '.': [400, 400, 405, 405, 404, 400]
}

t.test('[R81] upstream › an id that cannot be Gmail’s › never reaches Google', async t => {
  const { google, signedIn } = await build(t)
  const ada = await signedIn()
  const { connection } = await connectedMailbox(ada, google)
  const prefix = `/connections/${connection.id}/gmail`
  for (const id of [...hostile, tooLong, ...Object.keys(resolved)]) {
    const requests = [
      { method: 'GET', url: `${prefix}/messages/${id}` },
      { method: 'GET', url: `${prefix}/threads/${id}` },
      { method: 'POST', url: `${prefix}/messages/${id}/modify`, payload: { addLabels: ['STARRED'] } },
      { method: 'POST', url: `${prefix}/messages/${id}/trash` },
      { method: 'GET', url: `${prefix}/messages/${id}/attachments/1` },
      // An attachment's id may be 300 long. One with a slash and dots would reach another route.
      ...(id.length === 300 || id.includes('/')
        ? []
        : [{ method: 'GET' as const, url: `${prefix}/messages/m1/attachments/${id}` }])
    ] as const
    const statuses: number[] = []
    for (const request of requests) statuses.push((await ada.request(request)).statusCode)
    const refused = Array(requests.length).fill(id === tooLong ? 414 : 400)
    t.same(statuses, resolved[id] ?? refused, id.slice(0, 60))
  }
  const refuses = async (path: string, payload: object) =>
    isProblem(t, await ada.request({ method: 'POST', url: `${prefix}/${path}`, payload }), 400, 'invalid_request')
  for (const id of ['../../x', 'a?b', 'a#b', 'a b', '', 'x'.repeat(101), 'a\r\nb', 'é'])
    await refuses('messages/batchModify', { ids: [id], addLabels: ['STARRED'] })
  // A label may be named: what is no name is refused, and a name becomes an id of Gmail before it goes into a change.
  for (const name of ['', 'x'.repeat(226), 'a\r\nb', 'a\0', 7, null, {}]) {
    await refuses('messages/m1/modify', { addLabels: [name] })
    await refuses('messages/m1/modify', { removeLabels: [name] })
  }
  t.equal(google.calls('gmail'), 0)
  t.equal(google.calls('unknown'), 0)
  t.same(google.violations, [])
})

t.test('[R81] upstream › no header, host or parameter of the caller is passed on', async t => {
  const { google, signedIn } = await build(t)
  const ada = await signedIn()
  const { connection, routes } = await connectedMailbox(ada, google)
  const headers = {
    host: 'evil.example',
    authorization: 'Bearer evil',
    'x-goog-user-project': 'evil',
    'x-http-method-override': 'DELETE',
    'x-forwarded-host': 'evil.example',
    'x-evil': 'evil'
  }
  for (const { name, request } of routes) {
    google.fault('gmail', { addHeaders: { 'set-cookie': 'evil=1', 'x-evil': '1', 'access-control-allow-origin': '*' } })
    const response = await ada.request({ ...request, headers })
    t.ok(response.statusCode < 300, name)
    for (const header of ['set-cookie', 'x-evil', 'access-control-allow-origin'])
      t.notOk(response.headers[header], `${name}: ${header}`)
    const sent = google.requestsTo('gmail').at(-1)
    t.equal(sent?.headers.host, `127.0.0.1:${google.port}`)
    const token = /^Bearer (\S+)$/.exec(sent?.headers.authorization ?? '')?.[1] ?? ''
    t.equal(google.ledger.canOpen(token), connection.account.sub)
    t.notOk(JSON.stringify(sent?.headers).includes('evil'), `${name}: nothing of the caller`)
    t.notOk(sent?.headers.cookie)
    t.match(sent?.path, /^\/gmail\/v1\/users\/me\/[A-Za-z0-9_/-]+$/)
  }
  for (const query of [
    'access_token=x',
    'alt=media',
    'key=x',
    'userId=bob',
    'quotaUser=x',
    'uploadType=media',
    'fields=id',
    'rootUrl=http://evil.example'
  ]) {
    const calls = google.calls('gmail')
    isProblem(t, await ada.fetch(`/connections/${connection.id}/gmail/messages?${query}`), 400, 'invalid_request')
    t.equal(google.calls('gmail'), calls, query)
  }
})

t.test('[R78] upstream › a token stands in the Authorization header and in no URL', async t => {
  const { google, signedIn } = await build(t)
  const ada = await signedIn()
  const { connection, routes } = await connectedMailbox(ada, google)
  for (const { request } of routes) await ada.request(request)
  google.expireAccessTokens('ada@example.com')
  await ada.request(routes[0]?.request ?? {})
  await ada.fetch(`/connections/${connection.id}`, 'DELETE')
  t.equal(google.calls('revoke'), 1)
  for (const { method, path, query, endpoint } of google.requests) {
    t.same(google.ledger.find(`${path}?${query}`), [], `${method} ${endpoint}`)
  }
  t.same(google.violations, [])
})

t.test("[R78] upstream › tokens go to Gmail's own host, unless its setting says otherwise", async t => {
  const { google, signedIn } = await build(t, { environment: { GOOGLE_API_URL: '' } })
  const ada = await signedIn()
  const { routes } = await connectedMailbox(ada, google)
  const asked: string[] = []
  const direct = getGlobalDispatcher()
  t.teardown(() => setGlobalDispatcher(direct))
  // No call leaves the machine: whichever host is asked for, the stand-in answers.
  setGlobalDispatcher(
    direct.compose(dispatch => (options, handler) => {
      asked.push(`${options.origin}`)
      return dispatch({ ...options, origin: google.issuer }, handler)
    })
  )
  // googleapis would take its hosts from this.
  process.env.GOOGLE_CLOUD_UNIVERSE_DOMAIN = 'evil.example'
  t.teardown(() => delete process.env.GOOGLE_CLOUD_UNIVERSE_DOMAIN)
  for (const { name, request } of routes) t.ok((await ada.request(request)).statusCode < 300, name)
  const calls = routes.reduce((sum, { calls = 1 }) => sum + calls, 0)
  t.same(asked, Array(calls).fill('https://gmail.googleapis.com'))
  t.equal(google.calls('gmail'), calls)
  t.same(google.violations, [])
})

t.test('[R78] upstream › an invalid certificate › the call ends before anything is sent', async t => {
  const certificates = {
    'signed by nobody': createCertificate(),
    expired: createCertificate({ notBefore: new Date(0), notAfter: new Date(86_400_000) }),
    "another host's": createCertificate({ host: 'google.example' })
  }
  for (const [name, tls] of Object.entries(certificates)) {
    const impostor = await startFakeGoogle({ tls })
    t.teardown(() => impostor.close())
    const { google, signedIn } = await build(t, { environment: { GOOGLE_API_URL: impostor.issuer } })
    const ada = await signedIn()
    const { connection } = await connectedMailbox(ada, google)
    for (const { request, itemized } of gmailRoutes(`/connections/${connection.id}`, google)) {
      if (itemized) continue
      isProblem(t, await ada.request(request), 503, 'google_unavailable')
    }
    t.equal(impostor.requests.length, 0, name)
  }
})

t.test('[R78] upstream › a trusted signer, but the wrong host or expired › nothing is sent', async t => {
  const certificates = {
    good: createCertificate(),
    "another host's": createCertificate({ host: 'google.example' }),
    expired: createCertificate({ notBefore: new Date(0), notAfter: new Date(86_400_000) })
  }
  // All have a trusted signer: they differ only in name and date.
  const trusted = Object.values(certificates).map(({ cert }) => cert)
  const env = { NODE_EXTRA_CA_CERTS: join(t.testdir({ 'trusted.pem': trusted.join('') }), 'trusted.pem') }
  const { app, google, signedIn, environment } = await build(t)
  const ada = await signedIn()
  for (const [name, certificate] of Object.entries(certificates)) {
    const door = await startTlsDoor(t, google, certificate)
    google.fault('discovery', { mutate: json => ({ ...json, token_endpoint: `${door.origin}/token` }) })
    const server = await startServer(t, { ...environment, GOOGLE_API_URL: door.origin }, { env })
    const elsewhere = ada.clone(injectAt(server.url))
    const { connection, routes } = await connectedMailbox(ada, google)
    const answers: LightMyRequestResponse[] = []
    for (const { request, itemized } of routes) if (!itemized) answers.push(await elsewhere.request(request))
    answers.push(await elsewhere.connect())
    await collectionsOf(app).connections.updateOne({}, { $set: { accessTokenExpiresAt: new Date(0) } })
    answers.push(await elsewhere.fetch(`/connections/${connection.id}/gmail/profile`))
    if (name === 'good') {
      for (const { statusCode, body } of answers) t.ok(statusCode === 200 || statusCode === 204, `${name}: ${body}`)
      t.equal(door.requests.filter(path => path === 'POST /token').length, 2, 'the exchange and the refresh')
      t.equal(
        door.requests.length,
        routes.reduce((sum, { calls = 1, itemized }) => sum + (itemized ? 0 : calls), 0) + 3
      )
    } else {
      for (const answer of answers) isProblem(t, answer, 503, 'google_unavailable')
      t.ok(door.connections >= answers.length, `${name}: each call was made, and ended at the door`)
      t.same(door.requests, [], name)
    }
    await server.kill('SIGKILL')
  }
  t.same(google.violations, [])
})

t.test('[R78] upstream › neither code nor refresh token goes to a host without a good certificate', async t => {
  const impostor = await startFakeGoogle({ tls: createCertificate() })
  t.teardown(() => impostor.close())
  const { google, signedIn, replica, clock } = await build(t)
  const ada = await signedIn()
  const { connection } = await connectedMailbox(ada, google)
  const endpoints = {
    token_endpoint: `${impostor.issuer}/token`,
    revocation_endpoint: `${impostor.issuer}/revoke`,
    jwks_uri: `${impostor.issuer}/jwks`
  }
  google.fault('discovery', { mutate: json => ({ ...json, ...endpoints }) }, Number.POSITIVE_INFINITY)
  const elsewhere = ada.clone(await replica())
  isProblem(t, await elsewhere.connect(), 503, 'google_unavailable')
  clock.advance(3_600_000)
  isProblem(t, await elsewhere.fetch(`/connections/${connection.id}/gmail/profile`), 503, 'google_unavailable')
  t.match((await elsewhere.fetch(`/connections/${connection.id}`, 'DELETE')).json(), { revoked: 'pending' })
  t.equal(impostor.requests.length, 0)
})

t.test('[R78] upstream › an issuer with a bad certificate signs nobody in', async t => {
  const impostor = await startFakeGoogle({ tls: createCertificate({ host: 'google.example' }) })
  t.teardown(() => impostor.close())
  const { browser } = await build(t, { environment: { GOOGLE_ISSUER: impostor.issuer } })
  isProblem(t, await browser().fetch('/auth/google'), 503, 'google_unavailable')
  t.equal(impostor.requests.length, 0)
})
