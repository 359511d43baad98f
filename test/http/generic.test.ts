import { startEmbeddedMongo } from '@guichet/embedded-mongo'
import type { LightMyRequestResponse } from 'fastify'
import { MongoNetworkError } from 'mongodb'
import t, { type Test } from 'tap'
import { createBackend } from '../backend/backend.ts'
import { failNext } from '../database/database.ts'
import { build, collectionsOf, enter, isProblem, problemOf } from '../helper.ts'
import { createKey, operationsOf, toRequest } from './operations.ts'
import { listen, send } from './raw.ts'

/** Headers that servers and what stands before them like to sign with. */
const signatures = ['server', 'x-powered-by', 'via', 'x-generator', 'x-version', 'x-aspnet-version', 'x-runtime']

function namesNoSoftware(t: Test, { headers }: LightMyRequestResponse, what: string): void {
  for (const name of signatures) t.equal(headers[name], undefined, `${what}: no ${name}`)
  t.notMatch(JSON.stringify(headers), /fastify|node|mongo|\d+\.\d+\.\d+/i, `${what}: in no header`)
}

t.test('[R105] errors › of each class › no message, stack, version or value of the cause', async t => {
  const { app, google, signedIn, clock } = await enter(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const profile = `/connections/${id}/gmail/profile`
  const planted = 'planted at /srv/app/src/file.ts:12:3 in collection users'
  const answers: [string, number, Awaited<ReturnType<typeof ada.fetch>>][] = []
  const note = async (code: string, status: number, url: string) => answers.push([code, status, await ada.fetch(url)])

  for (const error of [
    new Error(planted),
    new TypeError(planted),
    Object.assign(new Error(planted), { statusCode: 200 }),
    planted,
    null,
    { message: planted }
  ]) {
    failNext(collectionsOf(app).connections, 'findOne', error as Error)
    await note('internal', 500, profile)
  }
  failNext(collectionsOf(app).connections, 'findOne', new MongoNetworkError(planted))
  await note('database_unavailable', 503, profile)
  google.fault('gmail', { status: 500, body: planted }, 2)
  await note('google_unavailable', 503, profile)
  google.fault('gmail', { raw: planted })
  await note('google_invalid_response', 502, profile)
  google.fault('gmail', { status: 403, body: { error: { message: planted } } })
  await note('forbidden', 403, profile)
  google.fault('gmail', { status: 400, body: { error: { message: planted } } })
  await note('invalid_request', 400, profile)
  clock.advance(3_600_000)
  google.fault('token', { status: 500, body: planted })
  await note('google_unavailable', 503, profile)
  await collectionsOf(app).connections.updateMany({}, { $set: { refreshToken: planted, accessToken: planted } })
  clock.advance(60_000)
  await note('unsealable', 503, profile)
  await note('not_found', 404, '/nowhere')
  await note('invalid_request', 400, '/%zz')

  const members = ['type', 'title', 'status', 'detail', 'instance', 'code', 'requestId', 'retryAfterSeconds', 'errors']
  for (const [code, status, response] of answers) {
    isProblem(t, response, status, code)
    t.same(
      Object.keys(problemOf(response)).filter(name => !members.includes(name)),
      [],
      code
    )
    t.notMatch(response.body, /planted|srv|\.ts|node_modules|Mongo|TypeError|at /, code)
    if (status >= 500) t.equal(problemOf(response).detail, problemOf(response).title, 'a fixed text')
    namesNoSoftware(t, response, code)
  }
})

t.test('[R105] successes › of the page, the docs and a backend › name no software and no version', async t => {
  const { app, google, signedIn } = await enter(t)
  const { id } = await (await signedIn()).connected()
  const backend = await createBackend(app)
  for (const [what, response] of Object.entries({
    'the page': await app.inject('/'),
    'the docs': await app.inject('/docs'),
    'a view': await backend.fetch(`/v1/connections/${id}`),
    'a token': await backend.vend(id),
    'what Gmail says': await backend.fetch(`/v1/connections/${id}/gmail/profile`)
  })) {
    t.equal(response.statusCode, 200, what)
    namesNoSoftware(t, response, what)
    t.notMatch(response.body, /fastify|node\.js|mongodb|powered by/i, what)
  }
  t.same(google.violations, [])
})

t.test('[R105] errors › on a navigation › the code and nothing else', async t => {
  const { app, signedIn } = await enter(t)
  const ada = await signedIn()
  failNext(collectionsOf(app).flows, 'insertOne', new Error('planted'))
  const response = await ada.navigate('/connect/gmail')
  t.equal(response.statusCode, 303)
  t.equal(response.headers.location, '/?status=internal')
  t.notMatch(response.body, 'planted')
})

t.test('[R105] errors › TRACE and other methods that no route has › refused, without echoing the request', async t => {
  const { app } = await enter(t)
  const port = await listen(app)
  for (const method of ['TRACE', 'TRACK', 'DEBUG', 'PROPFIND', 'CONNECT', 'LINK', 'SEARCH']) {
    const { status, text } = await send(
      port,
      `${method} /connections HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Planted: planted\r\n\r\n`
    )
    t.ok(status === undefined || [400, 404, 405].includes(status), `${method} answered ${status}`)
    t.notMatch(text, 'planted')
  }
  for (const url of [
    '/.env',
    '/.git/config',
    '/package.json',
    '/src/server.ts',
    '/server-status',
    '/debug',
    '/admin',
    '/swagger.json',
    '/node_modules/fastify/package.json',
    '/page.js/../../package.json'
  ]) {
    isProblem(t, await app.inject(url), 404, 'not_found')
  }
})

t.test('[R108] health › liveness needs no database, and no check sets a session or is rate limited', async t => {
  const mongo = await startEmbeddedMongo()
  t.teardown(() => mongo.close())
  const { app, signedIn } = await build(t, {
    environment: { MONGODB_URI: `${mongo.uri}?monitorCommands=true`, RATE_LIMIT_STARTS: '4' }
  })
  const ada = await signedIn()
  const commands: string[] = []
  app.mongo.client.on('commandStarted', ({ commandName, command }) => {
    if (JSON.stringify(command).includes('sessions') || commandName === 'ping') commands.push(commandName)
  })
  for (let n = 0; n < 20; n++) {
    const live = await ada.request({ url: '/livez' })
    t.equal(live.statusCode, 200)
    t.equal(live.headers['set-cookie'], undefined)
    t.equal(live.headers['x-ratelimit-limit'], undefined)
  }
  t.same(commands, [])
  for (let n = 0; n < 20; n++) t.equal((await ada.request({ url: '/readyz' })).statusCode, 200)
  t.same(commands, Array(20).fill('ping'), 'readiness asks whether it is there, and reads no session')
  app.readiness.drain()
  isProblem(t, await app.inject('/readyz'), 503, 'shutting_down')
  t.equal((await app.inject('/livez')).statusCode, 200)
})

/** Mulberry32: the same numbers at every run. */
function createRandom(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

t.test('[R96] generated requests › 1500 over the whole contract › no 5xx', async t => {
  const { app, google, signedIn } = await enter(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const authorization = await createKey(app)
  // They end what the others need.
  const left = /^\/auth\/(user|session)$/
  const operations = (await operationsOf(app)).filter(({ path }) => !left.test(path))
  const random = createRandom(20_261_122)
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T
  const texts = [
    '',
    ' ',
    'x',
    id,
    '0',
    '-1',
    '1e309',
    'true',
    'null',
    '{}',
    '[]',
    '\u0000',
    '\ud800',
    '🗝',
    '../..',
    '%00',
    "' or 1=1",
    '{{7*7}}',
    '<script>',
    'x'.repeat(300),
    'gmail',
    'ada@example.com',
    '/',
    '//evil.example',
    'https://evil.example'
  ]
  const values: unknown[] = [
    ...texts,
    0,
    -1,
    1.5,
    1e308,
    true,
    null,
    [],
    {},
    [[]],
    ['x'],
    { a: { b: { c: 1 } } },
    Array(200).fill('x')
  ]
  const broken: string[] = []
  for (let n = 0; n < 1500; n++) {
    const operation = pick(operations)
    const path = Object.fromEntries(
      operation.pathNames.map(name => [
        name,
        name === 'id' && random(2) === 0 ? id : encodeURIComponent(pick(texts).toWellFormed())
      ])
    )
    const names = [...operation.queryNames, '__proto__', 'x']
    const query = Array.from(
      { length: random(4) },
      () => `${pick(names)}=${encodeURIComponent(pick(texts).toWellFormed())}`
    ).join('&')
    const body =
      random(5) === 0
        ? pick(['{', '', 'null', '[1', '"x"'])
        : Object.fromEntries(
            [...operation.bodyNames, 'x'].filter(() => random(3) > 0).map(name => [name, pick(values)])
          )
    const request = toRequest(operation, { path, query, ...(operation.takesBody && { body }) })
    const accept = pick(['*/*', 'text/html', 'application/json', 'x', 'text/html;q=x, */*;q=-1'])
    const response = await ada.request({
      ...request,
      headers: { accept, ...request.headers, ...(random(2) === 0 && { authorization }) }
    })
    if (response.statusCode >= 500)
      broken.push(
        `${request.method} ${request.url.slice(0, 100)} ${String(request.payload).slice(0, 100)}: ${response.body.slice(0, 200)}`
      )
  }
  t.same(broken, [])
  t.equal((await ada.fetch('/auth/session')).statusCode, 200, 'it still serves')
  t.same(google.violations, [])
})
