import { startEmbeddedMongo } from '@guichet/embedded-mongo'
import { ObjectId } from 'mongodb'
import t from 'tap'
import type { ConnectionRecord } from '../../src/connections/record.ts'
import { createEvent, type EventType } from '../../src/events/event.ts'
import { createBackend } from '../backend/backend.ts'
import { build, collectionsOf, createTestClock, enter, isProblem, type World } from '../helper.ts'
import { startReceiver } from './receiver.ts'

interface Page {
  events: { id: string; type: string }[]
  nextCursor: string
}

const eventOf = (id: string, type: EventType = 'user.deleted') => ({
  id: `evt_${id}`,
  type,
  createdAt: new Date(),
  data: { user: { id } }
})

async function read(world: World, cursor?: string): Promise<Page> {
  const backend = await createBackend(world.app, { operations: ['events:read'] })
  return (await backend.fetch(`/v1/events${cursor === undefined ? '' : `?cursor=${cursor}`}`)).json()
}

/** Reads on from the last cursor until nothing is new. */
async function readAll(world: World, reader: { cursor: string; ids: string[] }): Promise<void> {
  for (;;) {
    const { events, nextCursor } = await read(world, reader.cursor)
    reader.cursor = nextCursor
    reader.ids.push(...events.map(({ id }) => id))
    if (events.length === 0) return
  }
}

t.test('events › without a key, or without events:read › refused', async t => {
  const { app } = await enter(t)
  isProblem(t, await app.inject('/v1/events'), 401, 'backend_key_invalid')
  const backend = await createBackend(app, { operations: ['tokens:vend'] })
  isProblem(t, await backend.fetch('/v1/events'), 403, 'forbidden')
})

t.test('events › an invalid cursor › refused', async t => {
  const { app } = await enter(t)
  const backend = await createBackend(app)
  for (const cursor of ['', '-1', '1.5', 'x', '1e3', '0x1', '9'.repeat(16), '1&cursor=2'])
    isProblem(t, await backend.fetch(`/v1/events?cursor=${cursor}`), 400, 'invalid_request')
})

t.test('events › during a connection’s life › each change once, in order, with its view', async t => {
  const world = await enter(t)
  const { app, google, clock } = world
  const user = await world.signedIn()
  const { id } = await user.connected({ grant: ['gmail.readonly'] })
  await user.connected()
  google.revokeGrant('ada@example.com')
  clock.advance(3_600_000)
  await user.fetch(`/connections/${id}/gmail/profile`)
  await user.connected()
  clock.advance(3_600_000)
  await user.fetch(`/connections/${id}/gmail/profile`)
  await user.fetch(`/connections/${id}`, 'DELETE')
  await user.fetch('/auth/user', 'DELETE')
  await app.background.run()
  const { events } = await read(world)
  t.same(
    events.map(({ type }) => type),
    [
      'connection.partial',
      'connection.recovered',
      'connection.needs_reconnect',
      'connection.recovered',
      'connection.disconnected',
      'user.deleted'
    ]
  )
  t.match(events[2], { data: { connection: { id, status: 'needs_reconnect', reason: 'revoked' } } })
  t.same(google.ledger.find(JSON.stringify(events)), [])
})

t.test('events › page by page › oldest first, none twice, and the last cursor finds later events', async t => {
  const world = await enter(t)
  const { app } = world
  const ids = Array.from({ length: 250 }, (_, n) => `evt_${n}`)
  for (const id of ids) await app.events.append(eventOf(id.slice(4)))
  const reader = { cursor: '0', ids: [] as string[] }
  await readAll(world, reader)
  t.same(reader.ids, ids)
  t.same(await read(world, reader.cursor), { events: [], nextCursor: reader.cursor })
  await app.events.append(eventOf('next'))
  t.match(await read(world, reader.cursor), { events: [{ id: 'evt_next' }] })
  t.equal((await read(world)).events.length, 100)
})

t.test('events › three replicas write while one reads › no event is skipped', async t => {
  const world = await enter(t)
  const replicas = [world.app, await world.replica(), await world.replica()]
  const reader = { cursor: '0', ids: [] as string[] }
  let writing = true
  const written = Promise.all(
    replicas.flatMap((replica, index) =>
      Array.from({ length: 4 }, async (_, lane) => {
        for (let n = 0; n < 10; n++) await replica.events.append(eventOf(`${index}-${lane}-${n}`))
      })
    )
  ).finally(() => {
    writing = false
  })
  while (writing) await readAll(world, reader)
  await written
  await readAll(world, reader)
  t.equal(reader.ids.length, 120)
  t.equal(new Set(reader.ids).size, 120)
  const numbers = (await world.app.events.after(0, 1000)).map(({ _id }) => _id)
  t.same(
    numbers,
    numbers.map((_, index) => index + 1)
  )
})

t.test('[R91] outbox › the process ends between listing an event and removing it › listed once', async t => {
  const world = await enter(t)
  const { app } = world
  const { connections } = collectionsOf(app)
  const user = await world.signedIn()
  const cut = t.intercept(connections, 'updateMany', { value: () => Promise.reject(new Error('killed')) })
  await user.connected()
  await app.background.run()
  t.equal((await app.events.after(0, 10)).length, 1)
  t.equal(await connections.countDocuments({ 'outbox.id': { $exists: true } }), 1)
  await app.close()
  cut.restore()
  const replica = await world.replica()
  await Promise.all([replica.background.run(), replica.background.run()])
  t.equal((await replica.events.after(0, 10)).length, 1)
  t.equal(await collectionsOf(replica).connections.countDocuments({ 'outbox.id': { $exists: true } }), 0)
})

t.test('[R91] outbox › the database refuses a change › no event', async t => {
  const world = await enter(t)
  const { app } = world
  const { connections } = collectionsOf(app)
  const user = await world.signedIn()
  const { restore } = t.intercept(connections, 'insertOne', { value: () => Promise.reject(new Error('refused')) })
  t.equal((await user.connect()).statusCode, 500)
  restore()
  await app.background.run()
  t.same(await app.events.after(0, 10), [])
})

t.test('events › the process stops while many wait › the next process takes them', async t => {
  const world = await enter(t)
  const { app } = world
  const { connections } = collectionsOf(app)
  const { append } = app.events
  await (await world.signedIn()).connected()
  await app.background.run()
  const listed = (await app.events.after(0, 10)).length
  const record = (await connections.findOne({})) as ConnectionRecord
  await connections.insertMany(
    Array.from({ length: 101 }, (_, number) => ({
      ...record,
      _id: new ObjectId(),
      account: { sub: `${number}`, email: 'ada@example.com' },
      outbox: [createEvent('connection.connected', record.updatedAt, { connection: {} })]
    }))
  )
  let stopping: Promise<void> | undefined
  t.intercept(app.events, 'append', {
    value: (...events: Parameters<typeof append>) => {
      stopping ??= app.background.stop()
      return append(...events)
    }
  })
  await app.background.run()
  await stopping
  t.equal((await app.events.after(0, 1000)).length, listed + 100, 'those under way are listed')
  await (await world.replica()).background.run()
  t.equal((await app.events.after(0, 1000)).length, listed + 101)
})

t.test('events › after 30 days › deleted, and the numbering goes on', async t => {
  const clock = createTestClock()
  const mongo = await startEmbeddedMongo({ nowMs: () => clock.nowMs() })
  t.teardown(() => mongo.close())
  const world = await build(t, { environment: { MONGODB_URI: mongo.uri } })
  clock.nowMs = world.clock.nowMs
  const { app } = world
  for (let n = 0; n < 3; n++) await app.events.append(eventOf(String(n)))
  const { nextCursor } = await read(world)
  world.clock.advance(30 * 86_400_000 - 60_000)
  mongo.sweepExpired()
  t.equal((await read(world)).events.length, 3)
  world.clock.advance(120_000)
  mongo.sweepExpired()
  t.same((await read(world)).events, [])
  const replica = await world.replica()
  await replica.events.append(eventOf('later'))
  t.match(await read(world, nextCursor), { events: [{ id: 'evt_later' }], nextCursor: '4' })
})

t.test('[R91] delivery › three replicas at once › each event once, at most four at a time from each', async t => {
  const receiver = await startReceiver(t)
  const world = await build(t, { environment: receiver.environment })
  const replicas = [world.app, await world.replica(), await world.replica()]
  let underWay = 0
  let most = 0
  receiver.answer = response => {
    most = Math.max(most, ++underWay)
    setImmediate(() => {
      underWay--
      response.writeHead(204).end()
    })
  }
  for (let n = 0; n < 60; n++) await world.app.events.append(eventOf(String(n)))
  await runAll(replicas)
  // A round leaves to the next what it could not claim: on a busy server a command may fail.
  await receiver.received(60)
  await runAll(replicas)
  t.equal(receiver.requests.length, 60)
  t.equal(new Set(receiver.ids()).size, 60)
  t.ok(most <= 12, `${most} at once`)
})

async function runAll(replicas: World['app'][]): Promise<void> {
  await Promise.all(replicas.map(replica => replica.webhook?.run()))
}
