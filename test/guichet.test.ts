import { mkdtempSync, rmSync } from 'node:fs'
import { request as ask, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import fastifyCookie from '@fastify/cookie'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import fastifyMongodb from '@fastify/mongodb'
import oauth2 from '@fastify/oauth2'
import rateLimit from '@fastify/rate-limit'
import session from '@fastify/session'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import fp from 'fastify-plugin'
import { MongoClient } from 'mongodb'
import t, { type Test } from 'tap'
import { createServer, guichet, parseConfig } from '../src/index.ts'
import { build, isProblem, type World } from './helper.ts'
import { captureLog } from './observability/capture.ts'

/** What a host app commonly has: each has a name, route, hook, parser or decorator that guichet has too. */
const hostParts: Record<string, (host: FastifyInstance, world: World) => unknown> = {
  cookie: host => host.register(fastifyCookie, { secret: 'a secret of the host, and long enough for it' }),
  session: host => host.register(session, { secret: 'a secret of the host, and long enough for it' }),
  cors: host => host.register(cors, { origin: 'https://host.example' }),
  mongodb: async (host, { environment }) => {
    const client = new MongoClient(environment.MONGODB_URI ?? '')
    await host.register(fastifyMongodb, { client, database: 'host' })
    host.addHook('onClose', () => client.close())
  },
  oauth2: host =>
    host.register(oauth2, {
      name: 'googleOauth2',
      credentials: { client: { id: 'host', secret: 'host' }, auth: { tokenHost: 'https://host.example' } },
      callbackUri: 'https://host.example/callback'
    }),
  helmet: host => host.register(helmet),
  'rate-limit': host => host.register(rateLimit, { max: 100_000 }),
  swagger: host => host.register(swagger, { openapi: { openapi: '3.1.0', info: { title: 'host', version: '1' } } }),
  'a GET / and routes': host => {
    host.get('/', async () => 'the host')
    host.post('/own', { schema: { summary: 'own' } }, async request => ({ got: request.body }))
  },
  decorators: host => {
    for (const name of ['config', 'clock', 'users', 'sessions', 'connections', 'database', 'metrics', 'readiness'])
      if (!host.hasDecorator(name)) host.decorate(name, 'the host')
  },
  'an error handler': host => host.setErrorHandler((_error, _request, reply) => reply.code(418).send('the host')),
  'a 404': host => host.setNotFoundHandler((_request, reply) => reply.code(404).send('not here')),
  parsers: host => {
    host.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
      done(null, { form: body })
    )
    host.removeContentTypeParser('application/json')
    host.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
      done(null, { json: body })
    )
  }
}

async function startHost(
  t: Test,
  world: World,
  parts: string[],
  { after = false, prefix, ...options }: { after?: boolean; prefix?: string } & FastifyServerOptions = {}
): Promise<FastifyInstance> {
  const host = Fastify(options) as unknown as FastifyInstance
  t.teardown(() => host.close())
  const PUBLIC_URL = world.environment.PUBLIC_URL + (prefix ?? '')
  const register = () =>
    host.register(guichet, {
      ...parseConfig({ ...world.environment, PUBLIC_URL }),
      clock: world.clock,
      ...(prefix !== undefined && { prefix })
    })
  if (!after) await register()
  for (const part of parts) await hostParts[part]?.(host, world)
  if (after) await register()
  await host.ready()
  return host
}

async function goThrough(t: Test, world: World, host: FastifyInstance, prefix = ''): Promise<void> {
  const ada = world.browser(host)
  t.equal((await ada.fetch(await ada.authorize(`${prefix}/auth/google`))).statusCode, 200, 'signs in')
  const connected = await ada.fetch(await ada.authorize(`${prefix}/connect/gmail`))
  t.match(connected.json(), { message: 'token receive', connection: { status: 'active' } }, 'connects')
  const { id } = connected.json().connection
  const { key } = await world.app.backendKeys.create({
    name: 'host',
    operations: ['tokens:vend'],
    services: null,
    expiresAt: null
  })
  const vended = await host.inject({
    method: 'POST',
    url: `${prefix}/v1/connections/${id}/token`,
    headers: { authorization: `Bearer ${key}` },
    payload: { minTtlSeconds: 60 }
  })
  t.match(vended.json(), { token_type: 'Bearer' }, 'vends')
  t.equal((await ada.request({ method: 'PUT', url: `${prefix}/connections/${id}` })).statusCode, 405)
  t.equal((await ada.request({ method: 'HEAD', url: `${prefix}/connect/gmail` })).statusCode, 405)
  t.same((await ada.fetch(`${prefix}/connections/${id}`, 'DELETE')).json(), { id, revoked: 'confirmed' })
}

for (const after of [false, true]) {
  t.test(`guichet › registered ${after ? 'after' : 'before'} everything a host has › both work`, async t => {
    const world = await build(t)
    const host = await startHost(t, world, Object.keys(hostParts), { after })
    await goThrough(t, world, host)
    t.equal((await host.inject('/')).body, 'the host')
    t.same((await host.inject({ method: 'POST', url: '/own', payload: { a: 1 } })).json(), { got: { json: '{"a":1}' } })
    t.same((await host.inject('/nowhere')).body, 'not here')
    t.same(Object.keys(host.swagger().paths ?? {}), after ? ['/', '/own'] : ['/', '/own'], 'its description is its own')
    t.equal((await host.inject('/livez')).statusCode, 200)
    t.same(world.google.violations, [])
  })
}

t.test('guichet › beside each plugin a host may have › starts', async t => {
  const world = await build(t)
  for (const part of Object.keys(hostParts)) {
    for (const after of [false, true]) {
      const parts = part === 'session' ? ['cookie', part] : [part]
      const host = await startHost(t, world, parts, { after })
      t.equal((await host.inject('/readyz')).statusCode, 200, `${part}, guichet ${after ? 'after' : 'before'} it`)
    }
  }
})

t.test('guichet › under a prefix of a prefixed host › answers only there', async t => {
  const world = await build(t)
  for (const path of ['auth/google', 'connect/gmail'])
    world.google.redirectUris.add(`${world.environment.PUBLIC_URL}/accounts/${path}/callback`)
  const host = await startHost(t, world, ['a GET / and routes', 'cors', 'cookie'], { prefix: '/accounts' })
  await goThrough(t, world, host, '/accounts')
  t.match(await host.inject('/accounts'), { statusCode: 303, headers: { location: '/accounts/' } })
  t.match(await host.inject('/accounts/'), { statusCode: 200, headers: { 'content-type': /html/ } })
  t.equal((await host.inject('/livez')).statusCode, 404)
  const started = await world.browser(host).navigate('/accounts/connect/gmail')
  t.match(started.headers.location, /^\/accounts\/auth\/google\?returnTo=%2Faccounts%2Fconnect%2Fgmail$/)
  const outer = Fastify()
  t.teardown(() => outer.close())
  await outer.register(
    async inner => {
      await inner.register(guichet, { ...world.config, clock: world.clock, prefix: '/b' })
    },
    { prefix: '/a' }
  )
  t.equal((await outer.inject('/a/b/livez')).statusCode, 200)
  t.equal((await outer.inject('/b/livez')).statusCode, 404)
})

t.test('guichet › a path that it does not know › refused here under a prefix, by the host at its root', async t => {
  const origin = 'https://app.example.com'
  const world = await build(t, { environment: { ALLOWED_ORIGINS: origin } })
  const headers = { origin }
  const preflight = { ...headers, 'access-control-request-method': 'DELETE' }
  const host = await startHost(t, world, ['a 404'], { prefix: '/accounts' })
  for (const url of ['/accounts/nope', '/accounts/v1/nope', '/accounts/livez/']) {
    const refused = await host.inject({ url, headers })
    isProblem(t, refused, 404, 'not_found')
    t.equal(refused.headers['access-control-allow-origin'], origin, url)
    const allowed = await host.inject({ method: 'OPTIONS', url, headers: preflight })
    t.equal(allowed.headers['access-control-allow-origin'], origin, `${url}, asked before`)
  }
  for (const url of ['/nope', '/accountsnope']) t.equal((await host.inject(url)).body, 'not here')
  t.equal((await (await startHost(t, world, ['a 404'])).inject('/nope')).body, 'not here')
})

t.test('guichet › its host listens on a Unix socket › its peer is on this machine', async t => {
  const world = await build(t, { environment: { RATE_LIMIT_STARTS: '1', TRUST_PROXY: 'loopback' } })
  const host = await startHost(t, world, [])
  // Its path may have 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), 'guichet-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const socketPath = join(folder, 'host.sock')
  await host.listen({ path: socketPath })
  const statusOf = (path: string, headers: IncomingHttpHeaders) =>
    new Promise<number | undefined>((resolve, reject) => {
      ask({ socketPath, path, headers }, response => resolve(response.resume().statusCode))
        .on('error', reject)
        .end()
    })
  const by = (address: string) => statusOf('/auth/google', { 'x-forwarded-for': address })
  t.same([await by('203.0.113.7'), await by('203.0.113.7'), await by('203.0.113.8')], [200, 429, 200])
  t.same([await statusOf('/auth/google', {}), await statusOf('/auth/google', {})], [200, 429], 'without a proxy')
  const authorization = `Bearer gk_${'0'.repeat(16)}_${'A'.repeat(43)}`
  t.equal(await statusOf('/v1/connections', { authorization }), 401)
})

t.test('guichet › PUBLIC_URL has a path › found under it, and where a proxy has taken it off', async t => {
  const world = await build(t)
  // The second is the first segment of some routes too.
  for (const path of ['/accounts', '/auth']) {
    const config = parseConfig({ ...world.environment, PUBLIC_URL: `http://localhost:3000${path}` })
    const host = Fastify()
    t.teardown(() => host.close())
    await host.register(guichet, { ...config, clock: world.clock })
    const own = await world.replica({ PUBLIC_URL: `http://localhost:3000${path}` })
    for (const app of [host, own] as { inject(url: string): Promise<{ statusCode: number }> }[]) {
      for (const [url, status] of [
        [path, 303],
        [`${path}/`, 200],
        [`${path}/livez`, 200],
        [`${path}/auth/session`, 401],
        [`${path}/auth/google`, 200],
        ['/livez', 200],
        ['/auth/session', 401],
        ['/auth/google?returnTo=%2Fauth', 200],
        [`${path}x/livez`, 404],
        [`${path}/nowhere`, 404]
      ] as const)
        t.equal((await app.inject(url)).statusCode, status, `${url} under ${path}`)
    }
  }
})

t.test('guichet › a prefix as the host’s router reads it › case, parameters and a last slash', async t => {
  const world = await build(t)
  for (const [prefix, url] of [
    ['/Accounts', '/accounts/livez'],
    ['/:tenant/accounts', '/acme/accounts/livez'],
    ['/accounts/', '/accounts/livez']
  ] as const) {
    const host = Fastify({ routerOptions: { caseSensitive: false } })
    t.teardown(() => host.close())
    await host.register(guichet, { ...world.config, clock: world.clock, prefix })
    t.equal((await host.inject(url)).statusCode, 200, `${url} under ${prefix}`)
  }
})

t.test('guichet › the host’s hooks read every body, and want one › guichet gets its own', async t => {
  const world = await build(t)
  const host = Fastify()
  t.teardown(() => host.close())
  host.addHook('preParsing', async (_request, _reply, payload) => payload.pipe(new PassThrough()))
  host.addHook('preValidation', async ({ body }) => {
    if (!body) throw new Error('the host wants a body')
  })
  await host.register(guichet, { ...world.config, clock: world.clock })
  const answer = await host.inject({ method: 'POST', url: '/start', payload: 'x', headers: { 'content-type': 'a/b' } })
  t.equal(answer.statusCode, 415)
  const created = { name: 'host', operations: ['tickets:create' as const], services: null, expiresAt: null }
  const { key } = await world.app.backendKeys.create(created)
  const headers = { authorization: `Bearer ${key}` }
  const ticket = await host.inject({ method: 'POST', url: '/v1/tickets', payload: { externalId: 'u1' }, headers })
  t.equal(ticket.statusCode, 201, ticket.body)
  t.equal((await host.inject('/livez')).statusCode, 200)
})

t.test('guichet › wrapped by fastify-plugin in the host › the host’s parsers are unchanged', async t => {
  const world = await build(t)
  const host = Fastify()
  t.teardown(() => host.close())
  await host.register(fp(async app => void app.register(guichet, { ...world.config, clock: world.clock })))
  host.post('/own', async request => ({ got: request.body }))
  t.same((await host.inject({ method: 'POST', url: '/own', payload: { a: 1 } })).json(), { got: { a: 1 } })
  t.equal((await host.inject('/readyz')).statusCode, 200)
})

t.test('guichet › limits and refusals › the same in its own server and in a host', async t => {
  const world = await build(t)
  const host = await startHost(t, world, ['an error handler'])
  const asked = [
    { url: '/v1/connections' },
    { url: '/connections' },
    { method: 'DELETE', url: '/livez' },
    {
      method: 'POST',
      url: '/v1/tickets',
      payload: 'x'.repeat(1_048_577),
      headers: { 'content-type': 'application/json' }
    },
    { method: 'POST', url: '/start', payload: 'x', headers: { 'content-type': 'text/plain' } },
    { url: '/connect/gmail/callback?state=%00' }
  ] as const
  for (const one of asked) {
    const [own, hosted] = [await world.app.inject({ ...one }), await host.inject({ ...one })]
    t.equal(hosted.statusCode, own.statusCode, `${one.url} answers ${own.statusCode}`)
    t.equal(hosted.json().code, own.json().code)
    t.equal(hosted.headers['content-security-policy'], own.headers['content-security-policy'])
  }
})

t.test(
  'guichet › in a host with request logging and HEAD routes › HEAD uses no callback, and no secret is logged',
  async t => {
    const { environment, clock, google, browser } = await build(t)
    const log = captureLog()
    const app = Fastify({ logger: log.logger }) as unknown as FastifyInstance
    await app.register(guichet, { ...parseConfig(environment), clock })
    t.teardown(() => app.close())
    await app.ready()
    const ada = browser(app)
    await ada.signIn()
    const callback = await ada.authorize('/connect/gmail')
    const exchanged = google.calls('token')
    t.equal((await ada.request({ method: 'HEAD', url: callback })).statusCode, 405)
    t.equal(google.calls('token'), exchanged)
    t.equal((await ada.fetch(callback)).statusCode, 200)
    const secret = `gk_${'0'.repeat(16)}_${'A'.repeat(43)}`
    t.equal((await app.inject(`/v1/connections/${secret}`)).statusCode, 401)
    t.notMatch(log.text(), secret, 'a key in the place of an id')
    t.ok(log.lines().length > 5)
    t.same(google.ledger.find(log.text()), [])
    t.same(google.violations, [])
  }
)

t.test('guichet › the host closes › readiness fails, and everything guichet opened is closed', async t => {
  const world = await build(t)
  const host = await startHost(t, world, [])
  await host.listen({ port: 0, host: '127.0.0.1' })
  const { port } = host.server.address() as { port: number }
  t.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 200)
  await host.close()
  await t.rejects(fetch(`http://127.0.0.1:${port}/readyz`))
})

t.test('guichet › a wrong key › the host’s start fails, and nothing stays open', async t => {
  const { environment, clock } = await build(t)
  const config = parseConfig({ ...environment, VAULT_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}` })
  const closings = t.capture(MongoClient.prototype, 'close', MongoClient.prototype.close)
  const host = Fastify()
  await t.rejects(async () => host.register(guichet, { ...config, clock }), { code: 'unsealable' })
  t.equal(closings().length, 1)
})

t.test('createServer › fails half-way › closes everything that it opened', async t => {
  const { environment } = await build(t)
  const closings = t.capture(MongoClient.prototype, 'close', MongoClient.prototype.close)
  const config = parseConfig({ ...environment, AUDIT_FILE: '/nowhere/audit.log' })
  await t.rejects(createServer(config), { name: 'ConfigError', message: /AUDIT_FILE/ })
  t.equal(closings().length, 1)
})
