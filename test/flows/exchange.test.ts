import { startEmbeddedMongo } from '@guichet/embedded-mongo'
import { MongoWriteConcernError } from 'mongodb'
import t from 'tap'
import { hashSecret } from '../../src/secrets.ts'
import { build, collectionsOf, createTestClock, enter, isProblem, localPath } from '../helper.ts'

/** What Google's token endpoint may do to an exchange whose request it has read. */
const failures = {
  'resets before it acts': { fault: { reset: true as const }, code: 'google_unavailable', status: 503 },
  'resets after it acted': {
    fault: { reset: true as const, when: 'after' as const },
    code: 'google_unavailable',
    status: 503
  },
  'never answers': { fault: { hang: true as const }, code: 'google_unavailable', status: 503 },
  'never answers, having acted': {
    fault: { hang: true as const, when: 'after' as const },
    code: 'google_unavailable',
    status: 503
  },
  'answers a byte at a time': { fault: { drip: 100 }, code: 'google_unavailable', status: 503 },
  'answers 500': { fault: { status: 500 }, code: 'google_unavailable', status: 503 },
  'answers 503': { fault: { status: 503 }, code: 'google_unavailable', status: 503 },
  'answers 429': { fault: { status: 429, body: { error: 'slow_down' } }, code: 'google_unavailable', status: 503 },
  'answers 429 with nothing in it': { fault: { status: 429 }, code: 'google_unavailable', status: 503 },
  'answers nonsense': { fault: { raw: '<html>' }, code: 'google_invalid_response', status: 502 }
}

for (const [name, { fault, code, status }] of Object.entries(failures)) {
  t.test(`[R34] exchange › Google ${name} › no retry, nothing stored, and a fresh start works`, async t => {
    const { app, google, signedIn } = await enter(t, { environment: { GOOGLE_TIMEOUT_MS: '400' } })
    const user = await signedIn()
    const callback = await user.authorize('/connect/gmail')
    const before = google.calls('token')
    google.fault('token', fault)
    isProblem(t, await user.fetch(callback), status, code)
    t.equal(google.calls('token'), before + 1)
    isProblem(t, await user.fetch(callback), status, code)
    t.equal(google.calls('token'), before + 1, 'nor when the callback comes again')
    t.same((await user.fetch('/connections')).json(), { connections: [] })
    t.equal(await collectionsOf(app).connections.countDocuments(), 0)
    t.match((await user.connect()).json(), { connection: { status: 'active' } })
    t.same(google.violations, [])
  })

  t.test(`[R34] exchange › sign-in, and Google ${name} › no retry, nobody is signed in`, async t => {
    const { app, google, browser } = await enter(t, { environment: { GOOGLE_TIMEOUT_MS: '400' } })
    const user = browser()
    google.fault('token', fault)
    isProblem(t, await user.signIn(), status, code)
    t.equal(google.calls('token'), 1)
    isProblem(t, await user.fetch('/auth/session'), 401, 'unauthenticated')
    t.equal(await collectionsOf(app).users.countDocuments(), 0)
    t.equal((await user.signIn()).statusCode, 200)
    t.same(google.violations, [])
  })
}

/** A world whose database can be frozen. */
async function freezable(t: Parameters<typeof build>[0]) {
  const clock = createTestClock()
  const mongo = await startEmbeddedMongo({ nowMs: () => clock.nowMs() })
  t.teardown(() => mongo.close())
  const world = await build(t, { environment: { MONGODB_URI: mongo.uri } })
  clock.nowMs = world.clock.nowMs
  return { ...world, mongo }
}

for (const [name, startUrl] of [
  ['a first connection', '/connect/gmail'],
  ['a repaired one', '/connect/gmail?connectionId=']
] as const) {
  t.test(`[R33] durable › the database freezes after the exchange, ${name} › no success is reported`, async t => {
    const { mongo, google, signedIn, app } = await freezable(t)
    const user = await signedIn()
    const isRepair = startUrl.endsWith('=')
    const { id = '' } = isRepair ? await user.connected() : {}
    const callback = await user.authorize(startUrl + id)
    const stored = () => collectionsOf(app).connections.find().toArray()
    await app.background.run()
    const before = await stored()
    google.fault('token', { delayUntil: async () => mongo.pause() })
    const answer = await user.fetch(callback)
    isProblem(t, answer, 503, 'database_unavailable')
    t.ok(Number(answer.headers['retry-after']) > 0)
    mongo.resume()
    await app.background.run()
    t.same(await stored(), before, 'what the database says agrees')
    t.match((await user.connect()).json(), { connection: { status: 'active', ...(isRepair && { id }) } })
    t.equal((await user.fetch('/connections')).json().connections.length, 1)
    t.same(google.violations, [])
  })
}

t.test('[R33] durable › a write without a majority › is not a success', async t => {
  const { app, signedIn } = await enter(t)
  const user = await signedIn()
  const { connections } = collectionsOf(app)
  t.equal(connections.writeConcern?.w, 'majority')
  for (const collection of Object.values(collectionsOf(app))) t.equal(collection.writeConcern?.w, 'majority')
  const { restore } = t.intercept(connections, 'insertOne', {
    value: () =>
      Promise.reject(
        new MongoWriteConcernError({
          ok: 1,
          writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' }
        })
      )
  })
  isProblem(t, await user.connect(), 503, 'database_unavailable')
  restore()
})

t.test('[R35] flows › started in one session at five replicas › at most fifty are open', async t => {
  const { app, clock, google, signedIn, replica } = await enter(t)
  const user = await signedIn()
  const replicas = [app, ...(await Promise.all(Array.from({ length: 4 }, () => replica())))]
  const urls = new Map<string, string>()
  await Promise.all(
    replicas.map(async at => {
      const here = user.clone(at)
      for (let start = 0; start < 19; start++) {
        clock.advance(1)
        const { url } = (await here.fetch('/connect/gmail')).json()
        urls.set(hashSecret(new URL(url).searchParams.get('state') ?? ''), url)
      }
    })
  )
  const { flows } = collectionsOf(app)
  const rows = await flows.find({ purpose: 'connect' }).sort({ createdAt: 1 }).toArray()
  t.ok(rows.length > 40 && rows.length <= 50, `${rows.length} rows`)
  const numbers = rows.map(({ number }) => number).sort((one, other) => Number(one) - Number(other))
  t.same(
    numbers,
    rows.map((_, index) => 95 - rows.length + 1 + index),
    'the newest, without a gap'
  )
  for (const row of [rows[0], rows.at(-1)])
    t.equal((await user.fetch(localPath(google.consent(urls.get(row?._id ?? '') ?? '')))).statusCode, 200)
  t.same(google.violations, [])
})

t.test('[R35] flows › a thousand starts in one session › limited, the newest work, and the others expire', async t => {
  const { mongo, app, signedIn, clock, google } = await freezable(t)
  const user = await signedIn()
  const { flows } = collectionsOf(app)
  const first = await user.authorize('/connect/gmail')
  let newest = ''
  for (let start = 0; start < 1000; start++) {
    if (start % 50 === 0) t.ok((await flows.countDocuments({ usedAt: { $exists: false } })) <= 50)
    clock.advance(1)
    newest = (await user.fetch(start % 2 ? '/connect/gmail' : '/auth/google')).json().url
  }
  t.ok((await flows.countDocuments()) <= 51, 'fifty open ones, and the sign-in’s own')
  t.equal((await user.fetch(localPath(google.consent(newest)))).statusCode, 200)
  isProblem(t, await user.fetch(first), 400, 'flow_unknown')
  const bob = await signedIn('bob@example.com')
  t.equal((await bob.connect({ as: 'bob@example.com' })).statusCode, 200, 'another session has its own fifty')

  clock.advance(600_000)
  t.equal(await flows.countDocuments({ expiresAt: { $gt: new Date(clock.nowMs()) } }), 0, 'none is open any more')
  clock.advance(3_600_000)
  mongo.sweepExpired()
  t.equal(await flows.countDocuments(), 0)
  t.same(google.violations, [])
})

t.test('[R35] flows › started in bursts › the limit is exceeded by no more than one burst', async t => {
  const { app, signedIn } = await enter(t)
  const user = await signedIn()
  for (let burst = 0; burst < 10; burst++)
    await Promise.all(Array.from({ length: 20 }, () => user.clone().fetch('/connect/gmail')))
  t.ok((await collectionsOf(app).flows.countDocuments({ usedAt: { $exists: false } })) <= 70)
})
