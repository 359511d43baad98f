import { MongoNetworkError, MongoServerError, MongoServerSelectionError, MongoWriteConcernError } from 'mongodb'
import t from 'tap'
import { build, type Collections, collectionsOf, isProblem } from '../helper.ts'
import { failNext } from './database.ts'

t.test('[F7] database errors › a callback’s session cannot be read › its flow stays usable', async t => {
  const { app, google, signedIn } = await build(t)
  const ada = await signedIn()
  const callback = await ada.authorize('/connect/gmail')
  const exchanges = google.calls('token')
  const fault = failNext(collectionsOf(app).sessions, 'findOne')
  const refused = await ada.fetch(callback)
  isProblem(t, refused, 503, 'database_unavailable')
  t.ok(refused.headers['retry-after'])
  t.equal(fault.hits, 1)
  t.equal(google.calls('token'), exchanges)
  t.equal((await ada.fetch(callback)).statusCode, 200, 'the same URL works afterwards')
  t.equal(google.calls('token'), exchanges + 1)
})

t.test('[F7] database errors › a refused callback’s flow cannot be read › it stays usable', async t => {
  const { app, google, browser } = await build(t)
  const ada = browser()
  const callback = await ada.authorize('/auth/google')
  const exchanges = google.calls('token')
  const fault = failNext(collectionsOf(app).flows, 'findOne')
  const refused = callback.replace(/iss=[^&]*/, 'iss=https%3A%2F%2Fevil.example')
  isProblem(t, await ada.fetch(refused), 503, 'database_unavailable')
  t.equal(fault.hits, 1)
  isProblem(t, await ada.fetch(refused), 400, 'iss_mismatch')
  t.equal(google.calls('token'), exchanges)
  t.equal((await ada.fetch(callback)).statusCode, 200)
})

t.test('[F7] database errors › a callback’s flow cannot be marked used › it stays usable', async t => {
  const { app, google, browser } = await build(t)
  const ada = browser()
  const callback = await ada.authorize('/auth/google')
  const exchanges = google.calls('token')
  const fault = failNext(collectionsOf(app).flows, 'findOneAndUpdate')
  isProblem(t, await ada.fetch(callback), 503, 'database_unavailable')
  t.equal(fault.hits, 1)
  t.equal(google.calls('token'), exchanges)
  t.equal((await ada.fetch(callback)).statusCode, 200)
})

t.test('[F8] database errors › a session cannot be saved › 503, no cookie, and nobody is signed in', async t => {
  const { app, browser } = await build(t)
  for (const way of ['fetch', 'navigate'] as const) {
    const ada = browser()
    const callback = await ada.authorize('/auth/google')
    const before = new Map(ada.cookies)
    const fault = failNext(collectionsOf(app).sessions, 'insertOne')
    const refused = await ada[way](callback)
    t.equal(fault.hits, 1)
    if (way === 'fetch') isProblem(t, refused, 503, 'database_unavailable')
    else t.ok([303, 503].includes(refused.statusCode), `a navigation answered ${refused.statusCode}`)
    t.notMatch(refused.headers.location, 'connected')
    t.equal(refused.headers['set-cookie'], undefined)
    t.same(ada.cookies, before)
    isProblem(t, await ada.fetch('/auth/session'), 401, 'unauthenticated')
    t.equal(await collectionsOf(app).sessions.countDocuments({ userId: { $ne: null } }), 0)
    t.equal((await ada.signIn()).statusCode, 200, 'and a new attempt works')
    await ada.fetch('/auth/session', 'DELETE')
  }
})

t.test('[F8] database errors › a start’s session or flow cannot be saved › no cookie is set', async t => {
  const { app, browser } = await build(t)
  for (const collection of ['sessions', 'flows'] as const) {
    const ada = browser()
    failNext(collectionsOf(app)[collection] as Collections['flows'], 'insertOne')
    const refused = await ada.fetch('/auth/google')
    isProblem(t, refused, 503, 'database_unavailable')
    if (collection === 'sessions') t.equal(refused.headers['set-cookie'], undefined)
    t.equal((await ada.signIn()).statusCode, 200)
  }
})

t.test('[F10] database errors › a full disk, or a write without a majority › 503, and nothing has changed', async t => {
  const { app, google, signedIn } = await build(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const { connections } = collectionsOf(app)
  const stored = () => connections.find({}, { projection: { outbox: 0 } }).toArray()
  const before = await stored()
  const errors = {
    'disk full': new MongoServerError({ message: 'planted', code: 14031 }),
    'no majority': new MongoWriteConcernError({ writeConcernError: { code: 64, errmsg: 'planted' }, ok: 1 }),
    'not the primary': new MongoServerError({ message: 'planted', code: 10107 }),
    'no server': new MongoServerSelectionError('planted', {} as never),
    'connection lost': new MongoNetworkError('planted')
  }
  for (const [name, error] of Object.entries(errors)) {
    const ending = failNext(connections, 'findOneAndUpdate', error)
    const refused = await ada.fetch(`/connections/${id}`, 'DELETE')
    isProblem(t, refused, 503, 'database_unavailable')
    t.equal(ending.hits, 1, name)
    t.ok(refused.headers['retry-after'])
    t.same(await stored(), before, `${name}: not ended`)
    const calendar = await ada.authorize('/connect/calendar')
    failNext(connections, 'insertOne', error)
    isProblem(t, await ada.fetch(calendar), 503, 'database_unavailable')
    t.same(await stored(), before, `${name}: not connected`)
  }
  t.equal(google.calls('revoke'), 0, 'nothing was revoked')
  t.equal((await ada.connect({}, '/connect/calendar')).statusCode, 200)
})

t.test('[F6] database errors › two first sign-ins and two connects at once › one user and one record', async t => {
  const { app, browser, replica } = await build(t)
  const replicas = [app, await replica()]
  const attempts = await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      const one = browser(replicas[n % 2])
      return { one, callback: await one.authorize('/auth/google') }
    })
  )
  const signedIn = await Promise.all(attempts.map(({ one, callback }) => one.fetch(callback)))
  t.same([...new Set(signedIn.map(({ statusCode }) => statusCode))], [200])
  t.equal(await collectionsOf(app).users.countDocuments(), 1)
  const callbacks = await Promise.all(attempts.map(({ one }) => one.authorize('/connect/gmail')))
  const connected = await Promise.all(attempts.map(({ one }, n) => one.fetch(callbacks[n] ?? '')))
  t.same([...new Set(connected.map(({ statusCode }) => statusCode))], [200])
  t.equal(await collectionsOf(app).connections.countDocuments(), 1)
  t.equal(new Set(connected.map(response => response.json().connection.id)).size, 1)
})
