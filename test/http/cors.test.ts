import type { InjectOptions } from 'fastify'
import t from 'tap'
import { build, enter, isProblem } from '../helper.ts'
import { listen, send } from './raw.ts'

const allowed = 'https://app.example.com'
const withPort = 'https://app.example.com:8443'

t.test('[R48] cors › an origin that is not exactly on the list › no CORS headers', async t => {
  const { signedIn } = await build(t, { environment: { ALLOWED_ORIGINS: `${allowed},http://localhost:5173` } })
  const ada = await signedIn()
  for (const origin of [
    'https://evil.example',
    'null',
    '*',
    '',
    'https://app.example.com.evil.example',
    'https://allowed.app.example.com',
    'https://evilapp.example.com',
    'https://app-example.com',
    'http://app.example.com',
    'HTTPS://APP.EXAMPLE.COM',
    'https://App.example.com',
    'https://app.example.com:443',
    withPort,
    'https://app.example.com/',
    'https://app.example.com https://evil.example',
    'https://evil.example#https://app.example.com',
    'http://localhost:3000',
    'http://localhost:51730',
    'http://localhost',
    undefined
  ]) {
    const headers = origin === undefined ? {} : { origin }
    const preflight = { ...headers, 'access-control-request-method': 'DELETE' }
    const requests: InjectOptions[] = [
      { method: 'GET', url: '/auth/session', headers },
      { method: 'GET', url: '/connections', headers },
      { method: 'GET', url: '/connections/x1', headers },
      { method: 'GET', url: '/auth/google', headers },
      { method: 'OPTIONS', url: '/connections/x1', headers: preflight }
    ]
    for (const request of requests) {
      const { headers: given } = await ada.request(request)
      const what = `${request.method} ${request.url} from ${origin}`
      t.equal(given['access-control-allow-origin'], undefined, `${what}: no ACAO`)
      t.equal(given['access-control-allow-credentials'], undefined, `${what}: no ACAC`)
      t.match(given.vary, /\bOrigin\b/i, `${what}: varies by origin`)
    }
  }
})

t.test('[R48] cors › a listed origin › allowed with credentials, on success and on refusal', async t => {
  const { browser, signedIn } = await build(t, { environment: { ALLOWED_ORIGINS: `${allowed},${withPort}` } })
  const ada = await signedIn()
  for (const origin of [allowed, withPort]) {
    const headers = { origin }
    for (const [status, response] of [
      [200, await ada.request({ url: '/auth/session', headers })],
      [200, await ada.request({ url: '/connect/gmail', headers })],
      [404, await ada.request({ url: '/connections/x1', headers })],
      [401, await browser().request({ url: '/connections', headers })],
      [400, await browser().request({ url: '/auth/google/callback', headers })]
    ] as const) {
      t.equal(response.statusCode, status)
      t.equal(response.headers['access-control-allow-origin'], origin)
      t.equal(response.headers['access-control-allow-credentials'], 'true')
      t.match(response.headers.vary, /\bOrigin\b/)
    }
    const preflight = await browser().request({
      method: 'OPTIONS',
      url: '/connections/x1',
      headers: { origin, 'access-control-request-method': 'DELETE', 'access-control-request-headers': 'content-type' }
    })
    t.equal(preflight.statusCode, 204)
    t.match(preflight.headers, {
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': /\bDELETE\b/,
      'access-control-allow-headers': /\bcontent-type\b/,
      vary: /\bOrigin\b/
    })
    t.equal(preflight.headers['set-cookie'], undefined)
  }
})

t.test('[R48] cors › no origin is listed › none is allowed', async t => {
  const { app } = await enter(t)
  for (const origin of [allowed, 'null', 'http://localhost:3000']) {
    const { headers } = await app.inject({ url: '/services', headers: { origin } })
    t.equal(headers['access-control-allow-origin'], undefined)
    t.equal(headers['access-control-allow-credentials'], undefined)
  }
})

t.test('[R48] cors › a wildcard or a pattern in the list › the start fails', async t => {
  for (const ALLOWED_ORIGINS of ['*', 'null', 'https://*.example.com', 'https://app.example.com/', 'app.example.com'])
    await t.rejects(enter(t, { environment: { ALLOWED_ORIGINS } }), /ALLOWED_ORIGINS/, ALLOWED_ORIGINS)
})

t.test('[R48] cors › refusals of every kind › a listed origin may read them, no other may', async t => {
  const { app, browser } = await enter(t, { environment: { ALLOWED_ORIGINS: allowed } })
  const form = { 'content-type': 'application/json; charset=utf-16' }
  const requests: [number, InjectOptions][] = [
    [404, { url: '/no-such-thing' }],
    [405, { method: 'PUT', url: '/connections' }],
    [405, { method: 'HEAD', url: '/connections' }],
    [400, { url: '/%c0%af' }],
    [414, { url: `/connections/${'a'.repeat(1100)}` }],
    [415, { method: 'POST', url: '/connections/x1', headers: form, payload: '{}' }],
    [401, { url: '/v1/connections' }],
    [404, { url: '/metrics' }],
    [200, { url: '/services' }],
    [200, { url: '/client.js' }],
    [200, { url: '/livez' }]
  ]
  for (const [status, request] of requests) {
    for (const origin of [allowed, 'https://evil.example', undefined]) {
      const headers = { ...request.headers, ...(origin !== undefined && { origin }) }
      const response = await browser().request({ ...request, headers })
      const what = `${request.method ?? 'GET'} ${String(request.url).slice(0, 40)} from ${origin}`
      t.equal(response.statusCode, status, what)
      t.match(response.headers.vary, /\bOrigin\b/, what)
      const { 'access-control-allow-origin': shown, 'access-control-allow-credentials': credentials } = response.headers
      const isPublic = request.url === '/client.js'
      t.equal(shown, origin === allowed ? allowed : isPublic ? '*' : undefined, what)
      t.equal(credentials, origin === allowed ? 'true' : undefined, what)
    }
  }
  app.readiness.drain()
  isProblem(t, await app.inject({ url: '/readyz', headers: { origin: allowed } }), 503, 'shutting_down')
})

t.test('[R48] cors › a request that Node refuses itself › the same headers, where the origin is known', async t => {
  const { app } = await enter(t, { environment: { ALLOWED_ORIGINS: allowed } })
  const port = await listen(app)
  for (const [origin, shown] of [
    [allowed, true],
    ['https://evil.example', false]
  ] as const) {
    const head = `GET /livez HTTP/1.1\r\nhost: x\r\nOrigin: ${origin}\r\n`
    const { status, text } = await send(port, `${head}x: ${'a'.repeat(17 * 1024)}\r\n\r\n`)
    t.equal(status, 431)
    t.equal(text.includes(`access-control-allow-origin: ${allowed}\r\n`), shown)
    t.equal(text.includes('access-control-allow-credentials'), shown)
    t.match(text, /\r\nvary: Origin\r\n/)
  }
})
