import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { guichet, parseConfig } from '../../src/index.ts'
import { enter } from '../helper.ts'
import { listen } from '../http/raw.ts'
import { codeOf, doors } from './doors.ts'

/** Everything by which a request can claim to have come to another host. */
const claims: Record<string, string>[] = [
  { host: 'evil.example' },
  { host: 'localhost:3000.evil.example' },
  { host: 'evil.example, localhost:3000' },
  { host: '' },
  { 'x-forwarded-host': 'evil.example' },
  { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
  { 'x-forwarded-proto': 'https' },
  { 'x-forwarded-proto': 'javascript' },
  { 'x-forwarded-port': '8443' },
  { 'x-forwarded-server': 'evil.example' },
  { 'x-forwarded-prefix': '/evil' },
  { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-host': 'evil.example' },
  { 'x-forwarded-scheme': 'https', 'x-scheme': 'https' },
  { forwarded: 'for=203.0.113.9;host=evil.example;proto=https' },
  { forwarded: 'host="evil.example"' },
  { 'x-host': 'evil.example' },
  { 'x-original-host': 'evil.example' },
  { 'x-original-url': '/evil' },
  { 'x-rewrite-url': '/evil' },
  { 'x-http-host-override': 'evil.example' },
  { origin: 'https://evil.example' },
  { referer: 'https://evil.example/' },
  { host: 'evil.example', 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' }
]

for (const door of doors) {
  for (const environment of [{}, { TRUST_PROXY: 'loopback' }]) {
    const peer = 'TRUST_PROXY' in environment ? 'a trusted proxy' : 'anyone'
    t.test(`[R20] redirect_uri › PUBLIC_URL's, whatever host ${peer} names: ${door.name}`, async t => {
      const world = await enter(t, { environment })
      const { google } = world
      const browser = await door.enter(world)
      const expected = `http://localhost:3000${door.callback}`
      for (const headers of claims) {
        world.clock.advance(1)
        t.comment(JSON.stringify(headers))
        const fetched = await browser.request({ method: 'GET', url: door.start, headers })
        const { url } = fetched.json<{ url: string }>()
        t.equal(new URL(url).searchParams.get('redirect_uri'), expected)
        t.equal(new URL(url).origin, google.issuer)
        t.ok(url.includes(`redirect_uri=${encodeURIComponent(expected)}`), 'byte by byte')

        const html = { ...headers, accept: 'text/html' }
        const navigated = await browser.request({ method: 'GET', url: door.start, headers: html })
        t.equal(navigated.statusCode, 303)
        const location = new URL(navigated.headers.location ?? '')
        t.equal(location.origin, google.issuer)
        t.equal(location.searchParams.get('redirect_uri'), expected)
        t.notMatch(JSON.stringify(navigated.headers) + fetched.body, 'evil')
      }
      t.same(google.violations, [])
    })

    t.test(`[R20] links › lead to PUBLIC_URL, whatever host ${peer} names: ${door.name}`, async t => {
      const world = await enter(t, { environment })
      const browser = await door.enter(world)
      for (const headers of claims) {
        world.clock.advance(1)
        t.comment(JSON.stringify(headers))
        const denied = await browser.authorize(`${door.start}?returnTo=/inbox`, { deny: 'access_denied' })
        const html = { ...headers, accept: 'text/html' }
        const back = await browser.request({ method: 'GET', url: denied, headers: html })
        t.equal(back.headers.location, '/inbox?status=access_denied')

        const asked = await world.browser().request({ method: 'GET', url: '/connect/gmail', headers: html })
        t.equal(asked.headers.location, '/auth/google?returnTo=%2Fconnect%2Fgmail')
      }
    })
  }
}

t.test('[R20] links › connectUrl begins with PUBLIC_URL', async t => {
  const { signedIn, google } = await enter(t, { environment: { TRUST_PROXY: 'loopback' } })
  const ada = await signedIn()
  for (const headers of claims) {
    const url = await ada.authorize('/connect/gmail', { withoutRefreshToken: true })
    const refused = await ada.request({ method: 'GET', url, headers })
    t.equal(codeOf(refused), 'refresh_token_missing')
    const { connectUrl } = refused.json<{ connectUrl: string }>()
    t.equal(new URL(connectUrl).origin, 'http://localhost:3000')
  }
  t.same(google.violations, [])
})

t.test('[R20] redirect_uri › behind a TLS proxy › the public https one', async t => {
  const PUBLIC_URL = 'https://auth.example.com'
  const { app } = await enter(t, { environment: { PUBLIC_URL, TRUST_PROXY: 'loopback' } })
  for (const host of ['auth.example.com', 'evil.example', '127.0.0.1:3000']) {
    const headers = { host, 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' }
    const { url } = (await app.inject({ url: '/auth/google', headers })).json<{ url: string }>()
    t.equal(new URL(url).searchParams.get('redirect_uri'), `${PUBLIC_URL}/auth/google/callback`)
  }
})

// RFC 9112, section 3.2.2: a server must take a target with a host in it, though only proxies are sent one.
t.test(
  '[R20] redirect_uri › the request’s target names a host › PUBLIC_URL’s, in a server and in a host app',
  async t => {
    const world = await enter(t)
    const host = Fastify() as unknown as FastifyInstance
    t.teardown(() => host.close())
    const PUBLIC_URL = `${world.environment.PUBLIC_URL}/accounts`
    const config = parseConfig({ ...world.environment, PUBLIC_URL })
    await host.register(guichet, { ...config, clock: world.clock, prefix: '/accounts' })
    for (const [app, base] of [
      [world.app, ''],
      [host, '/accounts']
    ] as const) {
      const port = await listen(app)
      // fetch cannot send such a target.
      const ask = async (path: string, accept = '*/*') => {
        const [response] = (await once(get({ port, path, headers: { accept } }), 'response')) as [IncomingMessage]
        return { status: response.statusCode, headers: response.headers, body: await text(response) }
      }
      for (const evil of ['http://evil.example', 'HTTPS://evil.example:8443', 'http://localhost:3000']) {
        const { status, body } = await ask(`${evil}${base}/auth/google`)
        t.equal(status, 200, `${evil} at ${base || 'the root'}`)
        const redirectUri = `http://localhost:3000${base}/auth/google/callback`
        t.ok(body.includes(`redirect_uri=${encodeURIComponent(redirectUri)}`))
        const navigated = await ask(`${evil}${base}/connect/gmail`, 'text/html')
        const returnTo = encodeURIComponent(`${base}/connect/gmail`)
        t.equal(navigated.headers.location, `${base}/auth/google?returnTo=${returnTo}`)
        t.equal((await ask(`${evil}${base}/?x`)).status, 200)
        t.equal((await ask(`${evil}${base}/nowhere`)).status, 404)
      }
    }
  }
)
