import { MongoNetworkError } from 'mongodb'
import t from 'tap'
import { createBackend } from '../backend/backend.ts'
import { build, isProblem } from '../helper.ts'

const routes = [
  '/auth/google',
  '/auth/google/callback?state=x&code=y',
  '/connect/gmail',
  '/connect/gmail/callback?state=x&code=y',
  '/connect/drive',
  '/start?ticket=x'
]

t.test('[R103] rate limits › all starts and callbacks share one limit', async t => {
  const { app, clock } = await build(t, { environment: { RATE_LIMIT_STARTS: String(routes.length) } })
  for (const url of routes) t.not((await app.inject(url)).statusCode, 429, url)
  for (const url of routes) {
    const response = await app.inject(url)
    isProblem(t, response, 429, 'rate_limited')
    const wait = Number(response.headers['retry-after'])
    t.ok(wait >= 1 && wait <= 60, `${url}: come back in ${wait} s`)
  }
  t.equal((await app.inject({ url: '/auth/google', remoteAddress: '198.51.100.7' })).statusCode, 200, 'another client')
  clock.advance(59_000)
  isProblem(t, await app.inject('/auth/google'), 429, 'rate_limited')
  clock.advance(1_001)
  t.equal((await app.inject('/auth/google')).statusCode, 200, 'after a minute')
})

t.test('[R103] rate limits › a client behind a proxy that writes its port is one client', async t => {
  const environment = { RATE_LIMIT_STARTS: '3', TRUST_PROXY: 'loopback,10.0.0.0/8' }
  const { app } = await build(t, { environment })
  for (const toForwarded of [
    (port: number) => `203.0.113.7:${port}`,
    (port: number) => `[2001:db8::1]:${port}`,
    (port: number) => `198.51.100.9:${port}, 10.0.0.5:${port}`,
    () => '[2001:db8:1::1]'
  ]) {
    const statuses = []
    for (let port = 50_000; port < 50_005; port++) {
      const headers = { 'x-forwarded-for': toForwarded(port) }
      statuses.push((await app.inject({ url: '/auth/google', headers })).statusCode)
    }
    t.same(statuses, [200, 200, 200, 429, 429], toForwarded(50_000))
  }
})

t.test('[R103] rate limits › over 300 invalid keys a minute › no database reads, valid keys unaffected', async t => {
  const { app, clock } = await build(t)
  const { key } = await app.backendKeys.create({
    name: 'b',
    operations: ['connections:read'],
    services: null,
    expiresAt: null
  })
  const ask = async (presented: string, remoteAddress = '198.51.100.7') =>
    (await app.inject({ url: '/v1/connections', remoteAddress, headers: { authorization: `Bearer ${presented}` } }))
      .statusCode
  const wrong = (at: number) => `gk_${at.toString(16).padStart(16, '0')}_${'A'.repeat(43)}`
  t.equal(await ask(key), 200)
  const authenticate = t.capture(app.backendKeys, 'authenticate', app.backendKeys.authenticate)
  const statuses = await Promise.all(Array.from({ length: 400 }, (_, at) => ask(wrong(at))))
  t.equal(statuses.filter(status => status === 401).length, 300)
  t.equal(statuses.filter(status => status === 429).length, 100)
  t.equal(authenticate().length, 300, 'a read each')
  for (const later of [0, 5_000, 10_000]) {
    clock.advance(later)
    t.equal(await ask(key), 200, `the good one, ${later} ms later`)
  }
  t.equal(await ask(wrong(1), '198.51.100.8'), 401, 'another address')
  clock.advance(60_000)
  t.equal(await ask(wrong(1)), 401, 'after a minute')
})

t.test('[R103] rate limits › 500 callers at once with a valid key at a new replica › all are let in', async t => {
  const world = await build(t)
  const { key } = await createBackend(world.app)
  const other = await world.replica()
  const statusesOf = async (presented: string) => {
    const call = () => other.inject({ url: '/v1/connections', headers: { authorization: `Bearer ${presented}` } })
    const answers = await Promise.all(Array.from({ length: 500 }, call))
    return [200, 401, 429].map(status => answers.filter(({ statusCode }) => statusCode === status).length)
  }
  t.same(await statusesOf(key), [500, 0, 0])
  const invalid = `gk_${'0'.repeat(16)}_${'A'.repeat(43)}`
  t.same(await statusesOf(invalid), [0, 300, 200], 'each call with an invalid one counts')
})

t.test('[R103] rate limits › a key that could not be looked up › does not count as invalid', async t => {
  const { app, replica } = await build(t)
  const backend = await createBackend(app)
  const other = await replica()
  const away = t.intercept(other.backendKeys, 'authenticate', {
    value: () => Promise.reject(new MongoNetworkError('the connection was reset'))
  })
  const ask = async () => (await backend.fetch('/v1/connections', 'GET', undefined, other)).statusCode
  for (let n = 0; n < 301; n++) if ((await ask()) !== 503) t.fail(`request ${n}`)
  away.restore()
  t.equal(await ask(), 200)
})

t.test('[R103] rate limits › a backend key has a limit of its own, apart from addresses and starts', async t => {
  const { app } = await build(t, { environment: { RATE_LIMIT_STARTS: '1', RATE_LIMIT_KEY: '2' } })
  const key = async () =>
    (await app.backendKeys.create({ name: 'b', operations: ['connections:read'], services: null, expiresAt: null })).key
  const ask = async (authorization: string) =>
    (await app.inject({ url: '/v1/connections', headers: { authorization: `Bearer ${authorization}` } })).statusCode
  const [one, other] = [await key(), await key()]
  t.equal((await app.inject('/auth/google')).statusCode, 200)
  t.same([await ask(one), await ask(one), await ask(one)], [200, 200, 429])
  t.equal(await ask(other), 200)
})

t.test('[R103] rate limits › 0 turns them off', async t => {
  const { app } = await build(t, { environment: { RATE_LIMIT_STARTS: '0', RATE_LIMIT_KEY: '0' } })
  for (let n = 0; n < 400; n++) if ((await app.inject('/auth/google')).statusCode !== 200) t.fail(`request ${n}`)
  t.pass()
})

t.test('[F47] flood › from one address or one key › 429 with Retry-After, and others are served', async t => {
  const { app } = await build(t, { environment: { RATE_LIMIT_STARTS: '20', RATE_LIMIT_KEY: '20' } })
  const [one, other] = [await createBackend(app), await createBackend(app)]
  const flood = await Promise.all([
    ...Array.from({ length: 60 }, () => app.inject({ url: '/auth/google', remoteAddress: '203.0.113.9' })),
    ...Array.from({ length: 60 }, () => one.fetch('/v1/connections'))
  ])
  t.equal(flood.filter(({ statusCode }) => statusCode === 200).length, 40)
  for (const response of flood.filter(({ statusCode }) => statusCode !== 200)) {
    isProblem(t, response, 429, 'rate_limited')
    t.ok(Number(response.headers['retry-after']) >= 1)
  }
  t.equal((await app.inject({ url: '/auth/google', remoteAddress: '203.0.113.10' })).statusCode, 200)
  t.equal((await other.fetch('/v1/connections')).statusCode, 200)
})
