import { Db, MongoNetworkError } from 'mongodb'
import t from 'tap'
import { createServer } from '../../src/app.ts'
import { parseConfig } from '../../src/config/config.ts'
import { build, isProblem, problemOf } from '../helper.ts'
import { buildOverMortalDatabase, createLog, startMortalDatabase } from './database.ts'

// F4 (a primary that steps down) and F5 (a partition that leaves a secondary) need a replica set, which neither the
// stand-in nor a single server is. What they rest on is fixed in src/database/client.ts: reads from the primary, writes by
// the majority, one repetition by the driver, and time-outs that end in 503 as here.

t.test('[F1][R108] outage › the database is down at boot › it is waited for, and no restart is needed', async t => {
  const database = await startMortalDatabase(t)
  await database.stop()
  const log = createLog()
  const { app, browser, google } = await build(t, { environment: { MONGODB_URI: database.uri }, logger: log })
  t.equal((await app.inject('/livez')).statusCode, 200)
  for (const url of ['/readyz', '/auth/google', '/auth/session', '/services', '/connections', '/v1/connections']) {
    const response = await app.inject(url)
    isProblem(t, response, 503, 'database_unavailable')
    t.ok(Number(response.headers['retry-after']) >= 1, `${url} says when to come back`)
  }
  const ready = log.line('ready')
  await database.start()
  await ready
  t.equal((await app.inject('/readyz')).statusCode, 200)
  const ada = browser()
  await ada.signIn()
  t.equal((await ada.connected()).status, 'active')
  t.same(google.violations, [])
})

t.test('[F2][R108] outage › while sessions are open › 503 and never 401, and recovery without a restart', async t => {
  const { app, database, signedIn, google } = await buildOverMortalDatabase(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const cookies = new Map(ada.cookies)
  await database.stop()
  const answers = await Promise.all([
    ada.fetch('/auth/session'),
    ada.fetch('/connections'),
    ada.fetch(`/connections/${id}/gmail/profile`),
    ada.fetch('/connect/gmail'),
    ada.fetch(`/connections/${id}`, 'DELETE'),
    ada.fetch('/auth/session', 'DELETE'),
    ada.fetch('/auth/google'),
    app.inject({ url: '/v1/connections', headers: { authorization: `Bearer gk_${'a'.repeat(16)}_${'x'.repeat(43)}` } }),
    app.inject('/readyz')
  ])
  for (const response of answers) {
    isProblem(t, response, 503, 'database_unavailable')
    t.ok(Number(response.headers['retry-after']) >= 1)
    t.equal(response.headers['set-cookie'], undefined, 'no cookie is touched')
  }
  t.equal((await ada.request({ url: '/livez' })).statusCode, 200)
  await database.start()
  t.same(ada.cookies, cookies)
  t.equal((await ada.fetch('/auth/session')).statusCode, 200)
  t.equal((await ada.fetch(`/connections/${id}/gmail/profile`)).statusCode, 200)
  t.equal((await app.inject('/readyz')).statusCode, 200)
  t.equal(google.calls('revoke'), 0)
})

t.test('[F2] outage › a navigation › ends on an error page', async t => {
  const { database, signedIn } = await buildOverMortalDatabase(t)
  const ada = await signedIn()
  const callback = await ada.authorize('/connect/gmail')
  await database.stop()
  const [start, end] = await Promise.all([ada.navigate('/connect/gmail'), ada.navigate(callback)])
  t.equal(start.headers.location, '/?status=database_unavailable')
  t.equal(end.headers.location, '/?status=database_unavailable')
  await database.start()
})

t.test('[F3] outage › the database hangs › 503 for all in limited time, and no connection is lost', async t => {
  const { app, database, signedIn } = await buildOverMortalDatabase(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  database.pause()
  const waiting = Promise.all(Array.from({ length: 40 }, () => ada.fetch(`/connections/${id}`)))
  t.equal((await app.inject('/livez')).statusCode, 200, 'alive while the others wait')
  // Bounded by the driver's own time-outs: without them this would wait for ever.
  const answers = await waiting
  t.same([...new Set(answers.map(({ statusCode }) => statusCode))], [503])
  t.same([...new Set(answers.map(answer => problemOf(answer).code))], ['database_unavailable'])
  database.resume()
  // The driver finds its server again with the first request.
  const recovered = async () => {
    for (let tries = 0; tries < 5; tries++) if ((await ada.fetch(`/connections/${id}`)).statusCode === 200) return true
    return false
  }
  t.ok(await recovered())
  t.same([...new Set(await Promise.all(Array.from({ length: 100 }, recovered)))], [true])
})

t.test('[F3] outage › the driver’s time-outs › it waits for 2 s, and never for more than 5 s', async t => {
  const { app } = await build(t)
  const {
    socketTimeoutMS = 0,
    serverSelectionTimeoutMS,
    waitQueueTimeoutMS,
    connectTimeoutMS
  } = app.mongo.client.options
  t.ok(socketTimeoutMS > 2_000)
  for (const next of [socketTimeoutMS, serverSelectionTimeoutMS, waitQueueTimeoutMS, connectTimeoutMS])
    t.ok(socketTimeoutMS + next < 5_000, `${socketTimeoutMS} + ${next}`)
})

t.test('[F3] outage › an answer is late › it is waited for', async t => {
  const { app, database, signedIn } = await buildOverMortalDatabase(t)
  const ada = await signedIn()
  database.pause()
  const waiting = ada.fetch('/auth/session')
  // Enough turns for the request to reach the database, without waiting on a clock.
  for (let turn = 0; turn < 20; turn++) await app.inject('/livez')
  database.resume()
  t.equal((await waiting).statusCode, 200)
})

t.test('[R67] outage › the database’s clock is unknown at boot › not ready until it is known', async t => {
  const world = await build(t)
  const skewed = { nowMs: () => world.clock.nowMs() + 600_000 }
  const log = createLog()
  const { command } = Db.prototype
  const { restore } = t.intercept(Db.prototype, 'command', {
    value(this: Db, asked: Record<string, unknown>, ...rest: never[]) {
      return asked.hello ? Promise.reject(new MongoNetworkError('away')) : command.call(this, asked, ...rest)
    }
  })
  const app = await createServer({ ...parseConfig(world.environment), clock: skewed }, log)
  t.teardown(() => app.close())
  await app.ready()
  isProblem(t, await app.inject('/readyz'), 503, 'database_unavailable')
  isProblem(t, await app.inject('/v1/connections'), 503, 'database_unavailable')
  const ready = log.line('ready')
  restore()
  await ready
  t.equal((await app.inject('/readyz')).statusCode, 200)
  t.ok(Math.abs(app.databaseClock.nowMs() - world.app.databaseClock.nowMs()) < 60_000)
})
