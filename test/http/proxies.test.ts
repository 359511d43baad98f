import t from 'tap'
import { build, isProblem } from '../helper.ts'
import { listen, send } from './raw.ts'

const https = { PUBLIC_URL: 'https://auth.example.com', TRUST_PROXY: '10.0.0.1,192.168.7.0/24' }
const forged = {
  'x-forwarded-for': '198.51.100.7',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-port': '444',
  forwarded: 'for=198.51.100.7;proto=https;host=evil.example',
  'x-real-ip': '198.51.100.7',
  x_forwarded_for: '198.51.100.7',
  'x-original-url': '/auth/session',
  'x-rewrite-url': '/auth/session',
  host: 'evil.example'
}

t.test('[R101] forwarded headers › from an untrusted peer › neither cookie nor URL changes', async t => {
  const { app, google } = await build(t)
  const plain = await app.inject('/auth/google')
  const lied = await app.inject({ url: '/auth/google', headers: forged })
  for (const response of [plain, lied]) {
    const url = new URL(response.json().url)
    t.equal(url.searchParams.get('redirect_uri'), 'http://localhost:3000/auth/google/callback')
    t.match(response.headers['set-cookie'], /^guichet-3000=/)
    t.notMatch(response.headers['set-cookie'], /Secure/)
    t.notMatch(response.body, 'evil')
  }
  t.same(google.violations, [])
})

t.test('[R101] forwarded headers › behind https › they count only from trusted proxies', async t => {
  const { app } = await build(t, { environment: https })
  const ask = (remoteAddress: string, headers: Record<string, string>) =>
    app.inject({ url: '/auth/google', remoteAddress, headers })
  for (const remoteAddress of ['10.0.0.1', '192.168.7.200', '::ffff:10.0.0.1']) {
    const response = await ask(remoteAddress, { 'x-forwarded-proto': 'https' })
    t.equal(response.statusCode, 200, remoteAddress)
    t.match(response.headers['set-cookie'], /^__Host-guichet=[^;]+;.* Secure/)
  }
  for (const remoteAddress of ['10.0.0.2', '192.168.8.1', '127.0.0.1', '::1', '198.51.100.7']) {
    const response = await ask(remoteAddress, forged)
    isProblem(t, response, 400, 'invalid_request')
    t.equal(response.headers['set-cookie'], undefined, remoteAddress)
  }
  for (const proto of ['http', '', 'HTTPS ', 'http,https', 'javascript']) {
    const response = await ask('10.0.0.1', { 'x-forwarded-proto': proto })
    if (response.statusCode === 200) t.match(response.headers['set-cookie'], /Secure/, proto)
    else isProblem(t, response, 400, 'invalid_request')
  }
})

t.test('[R101][R103] forwarded headers › from an untrusted peer › its own address is rate limited', async t => {
  const { app } = await build(t, { environment: { RATE_LIMIT_STARTS: '3' } })
  const statuses: number[] = []
  for (let n = 0; n < 6; n++) {
    const address = `198.51.100.${n}`
    const headers = {
      ...forged,
      'x-forwarded-for': address,
      forwarded: `for=${address}`,
      'x-real-ip': address,
      x_forwarded_for: address,
      'cf-connecting-ip': address,
      'true-client-ip': address
    }
    statuses.push((await app.inject({ url: '/auth/google', headers })).statusCode)
  }
  t.same(statuses, [200, 200, 200, 429, 429, 429])
})

t.test(
  '[R101][R103] forwarded headers › behind a proxy › clients are told apart, and cannot pretend to be others',
  async t => {
    const { app } = await build(t, { environment: { ...https, RATE_LIMIT_STARTS: '2' } })
    const ask = async (forwardedFor: string) =>
      (
        await app.inject({
          url: '/auth/google',
          remoteAddress: '10.0.0.1',
          headers: { 'x-forwarded-proto': 'https', 'x-forwarded-for': forwardedFor }
        })
      ).statusCode
    t.same([await ask('198.51.100.1'), await ask('198.51.100.1'), await ask('198.51.100.1')], [200, 200, 429])
    t.equal(await ask('198.51.100.2'), 200, 'another client')
    t.equal(await ask('203.0.113.9, 198.51.100.1'), 429, 'the address the proxy saw decides, not the one before it')
    t.equal(await ask('10.0.0.1, 198.51.100.1'), 429)
    t.same(
      [await ask('2001:db8::1'), await ask('2001:db8::2'), await ask('2001:db8:0:0:ffff::3')],
      [200, 200, 429],
      'one /64 is one client'
    )
    t.equal(await ask('2001:db8:0:1::1'), 200, 'the next /64 is another')
  }
)

const tricks = [
  ...[
    '//connections',
    '/connections/',
    '/connections//',
    '/./connections',
    '/livez/../connections',
    '/livez/%2e%2e/connections'
  ],
  ...[
    '/%63onnections',
    '/connections%2f',
    '/connections%2F..',
    '/Connections',
    '/CONNECTIONS',
    '/connections;x',
    '/connections;/livez'
  ],
  ...[
    '/connections%00',
    '/connections%20',
    '/connections.json',
    '/connections/.',
    '/connections?x=/livez',
    '/connections#/livez'
  ],
  ...[
    '/livez/connections',
    '/livez;/connections',
    '/livez%2fconnections',
    '/connections\\',
    '/\\connections',
    '/%2fconnections',
    '/%2e/connections'
  ]
]
const guarded = [
  '/auth/session',
  '/connections',
  '/connections/x1',
  '/connections/x1/gmail/profile',
  '/connect/gmail',
  '/v1/connections',
  '/v1/connections/x1',
  '/v1/events',
  '/v1/connections/x1/gmail/labels'
]
const agents = ['kube-probe/1.31', 'GoogleHC/1.0', 'ELB-HealthChecker/2.0', 'Googlebot/2.1', 'curl/8', '']

t.test('[R102] path tricks › no spelling of a guarded path opens it, sent raw over a socket', async t => {
  const { app } = await build(t)
  const port = await listen(app)
  const head = 'HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
  const opened: string[] = []
  for (const path of guarded) {
    for (const trick of tricks) {
      const target = trick.replace(/connections/gi, found =>
        found === 'connections' ? path.slice(1) : path.slice(1).toUpperCase()
      )
      for (const written of [target, `http://localhost:3000${target}`, `http://evil.example${target}`]) {
        const { status } = await send(port, `GET ${written} ${head}`)
        if (status !== undefined && ![400, 401, 404].includes(status)) opened.push(`${written} answered ${status}`)
      }
    }
  }
  t.same(opened, [])
})

t.test('[R102] path tricks › no user agent and no method opens a guarded path', async t => {
  const { app } = await build(t)
  const opened: string[] = []
  for (const url of guarded) {
    for (const agent of agents) {
      for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE'] as const) {
        for (const override of [{}, { 'x-http-method-override': 'GET' }, { 'x-http-method': 'GET' }]) {
          const response = await app.inject({ method, url, headers: { 'user-agent': agent, ...override } })
          // Anyone may sign out: without a session nothing changes.
          if (method === 'DELETE' && url === '/auth/session') continue
          if (response.statusCode < 300 && !(method === 'OPTIONS' && response.body === ''))
            opened.push(`${method} ${url} ${agent}`)
        }
      }
    }
  }
  t.same(opened, [])
})

t.test('[R102] path tricks › other spellings of a start › share its rate limit, or start nothing', async t => {
  const { app } = await build(t, { environment: { RATE_LIMIT_STARTS: '3' } })
  const started: number[] = []
  for (const url of [
    '/auth/google',
    '/auth/%67oogle',
    '/%61uth/google',
    '/auth/google?',
    '/auth//google',
    '/AUTH/google',
    '/auth/google/',
    '/auth/google?returnTo=/a',
    '/auth/google;x'
  ]) {
    for (const agent of agents) started.push((await app.inject({ url, headers: { 'user-agent': agent } })).statusCode)
  }
  t.equal(started.filter(status => status === 200).length, 3)
  t.equal(started.filter(status => ![200, 404, 429, 400].includes(status)).length, 0)
})
