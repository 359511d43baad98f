import { MongoClient } from 'mongodb'
import t from 'tap'
import { build, collectionsOf, isProblem } from '../helper.ts'
import { buildOverMortalDatabase, createLog, startMortalDatabase } from './database.ts'

/** Name, key and kind of every index there is. */
async function indexesOf(app: Awaited<ReturnType<typeof build>>['app']): Promise<string[]> {
  const found: string[] = []
  for (const { name } of (await app.mongo.db?.listCollections().toArray()) ?? []) {
    for (const index of (await app.mongo.db?.collection(name).indexes()) ?? [])
      found.push(JSON.stringify([name, index]))
  }
  return found.sort()
}

t.test('[R61] indexes › a missing one is made again at the next start', async t => {
  const { app, replica } = await build(t)
  const whole = await indexesOf(app)
  t.ok(whole.some(text => text.includes('"unique":true') && text.startsWith('["connections"')))
  t.ok(whole.some(text => text.includes('expireAfterSeconds') && text.startsWith('["sessions"')))
  t.ok(whole.some(text => text.includes('expireAfterSeconds') && text.startsWith('["flows"')))
  for (const collection of ['users', 'connections', 'sessions', 'flows'] as const)
    await collectionsOf(app)[collection].dropIndexes()
  t.not((await indexesOf(app)).length, whole.length)
  const restarted = await replica()
  t.equal((await restarted.inject('/readyz')).statusCode, 200)
  t.same(await indexesOf(app), whole)
})

t.test('[R61] indexes › replicas start at once on an empty database › all become ready', async t => {
  const { app, replica } = await build(t)
  await app.mongo.db?.dropDatabase()
  const replicas = await Promise.all(Array.from({ length: 5 }, () => replica()))
  for (const one of replicas) t.equal((await one.inject('/readyz')).statusCode, 200)
})

t.test(
  '[R61][F9] indexes › one differs from what is needed › not ready, a clear log line, and no duplicate',
  async t => {
    const database = await startMortalDatabase(t)
    const client = new MongoClient(database.uri)
    t.teardown(() => client.close())
    const users = client.db().collection('users')
    // The name and key that ours has, but it lets two users be one.
    await users.createIndex({ issuer: 1, sub: 1 })
    const log = createLog()
    const { app, browser } = await build(t, { environment: { MONGODB_URI: database.uri }, logger: log })
    t.equal((await app.inject('/livez')).statusCode, 200)
    isProblem(t, await app.inject('/readyz'), 503, 'database_unavailable')
    isProblem(t, await browser().fetch('/auth/google'), 503, 'database_unavailable')
    const told = log.lines.find(({ event }) => event === 'not_ready')
    t.match(told, { level: 50, err: { code: 'database_unavailable', cause: { type: 'MongoServerError' } } })
    t.equal(await users.countDocuments(), 0)
    const ready = log.line('ready')
    await users.dropIndexes()
    await ready
    t.equal((await app.inject('/readyz')).statusCode, 200)
    t.equal((await browser().signIn()).statusCode, 200)
  }
)

t.test('[F9] indexes › existing duplicates block a unique index › not ready', async t => {
  const { app, database, replica } = await buildOverMortalDatabase(t)
  await collectionsOf(app).users.dropIndexes()
  const user = {
    issuer: 'same',
    sub: 'same',
    email: 'x@example.com',
    name: null,
    picture: null,
    createdAt: new Date(),
    lastSignInAt: new Date(),
    outbox: []
  }
  await collectionsOf(app).users.insertMany([{ ...user }, { ...user }] as never[])
  const second = await replica()
  isProblem(t, await second.inject('/readyz'), 503, 'database_unavailable')
  t.equal((await second.inject('/livez')).statusCode, 200)
  t.ok(database.data.size > 0)
  t.equal(await collectionsOf(app).users.countDocuments(), 2, 'and nothing is deleted')
})
