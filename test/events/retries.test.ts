import { MongoNetworkError } from 'mongodb'
import t from 'tap'
import { createBackend } from '../backend/backend.ts'
import { failNext } from '../database/database.ts'
import { build, collectionsOf, type World } from '../helper.ts'
import { guichet } from '../process.ts'
import { startReceiver, status } from './receiver.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
/** What Standard Webhooks suggests, and DESIGN calls days with growing pauses. */
const pausesMs = [5_000, 5 * minuteMs, 30 * minuteMs, ...[2, 5, 10, 14, 20, 24].map(hours => hours * hourMs)]

async function withReceiver(t: Parameters<typeof build>[0]) {
  const receiver = await startReceiver(t)
  const world = await build(t, { environment: receiver.environment })
  return { ...world, receiver }
}

async function deliver({ app }: Pick<World, 'app'>): Promise<void> {
  await app.background.run()
  await app.webhook?.run()
}

t.test('[R95] retries › a receiver refuses for days › retried with growing, jittered pauses, then parked', async t => {
  const { receiver, ...world } = await withReceiver(t)
  const { app, clock } = world
  receiver.answer = status(500)
  await (await world.signedIn()).connected()
  await deliver(world)
  t.equal(receiver.requests.length, 1)
  let waitedMs = 0
  for (const [failures, pauseMs] of pausesMs.entries()) {
    clock.advance(pauseMs * 0.8 - 1)
    await deliver(world)
    t.equal(receiver.requests.length, failures + 1, `not before ${(pauseMs * 0.8) / 1000} s`)
    clock.advance(pauseMs * 0.4 + 2)
    await deliver(world)
    t.equal(receiver.requests.length, failures + 2, `and by ${(pauseMs * 1.2) / 1000} s`)
    waitedMs += pauseMs
  }
  t.ok(waitedMs > 72 * hourMs, 'days, in all')
  const [parked] = await app.events.after(0, 10)
  t.match(parked, { delivery: null, deliveredAt: null, parkedAt: Date })
  clock.advance(10 * 24 * hourMs)
  await deliver(world)
  t.equal(receiver.requests.length, pausesMs.length + 1, 'left alone from here on')
  t.equal(new Set(receiver.ids()).size, 1)
})

t.test('[R95] retries › a hundred events failed together › retried at different times', async t => {
  const { receiver, ...world } = await withReceiver(t)
  const { app } = world
  receiver.answer = status(500)
  const connection = await (await world.signedIn()).connected()
  for (let n = 0; n < 100; n++)
    await app.events.append({
      id: `evt_${n}`,
      type: 'connection.expiring',
      createdAt: new Date(),
      data: { connection }
    })
  await deliver(world)
  const due = (await app.events.after(0, 200)).map(({ delivery }) => delivery?.nextAttemptAt.getTime())
  t.ok(new Set(due).size > 50)
})

t.test('[R95] dead letters › listed and replayed from the command line, and kept in the list', async t => {
  const { receiver, ...world } = await withReceiver(t)
  const { environment, app, clock } = world
  t.match(await guichet(environment, 'events', 'parked'), { code: 0, out: '' })
  receiver.answer = status(500)
  const user = await world.signedIn()
  await user.connected()
  await user.connect({}, '/connect/calendar')
  for (const pauseMs of [0, ...pausesMs]) {
    clock.advance(pauseMs * 1.2 + 1)
    await deliver(world)
  }
  const listed = await app.events.after(0, 10)
  t.equal(listed.length, 2)
  const human = await guichet(environment, 'events', 'parked')
  t.equal(human.code, 0)
  t.same(
    human.out
      .trim()
      .split('\n')
      .map(line => line.split('\t').slice(0, 2)),
    listed.map(({ id, type }) => [id, type])
  )
  const json = JSON.parse((await guichet(environment, 'events', 'parked', '--json')).out)
  t.match(json, [
    { number: 1, id: listed[0]?.id, type: 'connection.connected', parkedAt: String },
    { number: 2, id: listed[1]?.id }
  ])
  const backend = await createBackend(app)
  const { events } = (await backend.fetch('/v1/events')).json()
  t.same(
    events.map(({ id }: { id: string }) => id),
    listed.map(({ id }) => id),
    'a receiver that cannot be reached can still ask'
  )

  receiver.answer = status(204)
  receiver.requests.length = 0
  await deliver(world)
  t.equal(receiver.requests.length, 0)
  t.equal((await guichet(environment, 'events', 'replay')).code, 0)
  clock.advance(minuteMs)
  await deliver(world)
  t.same(new Set(receiver.ids()), new Set(listed.map(({ id }) => id)))
  t.equal((await guichet(environment, 'events', 'parked')).out, '')
  await guichet(environment, 'events', 'replay')
  clock.advance(minuteMs)
  await deliver(world)
  t.equal(receiver.requests.length, 2, 'what was delivered is not sent again')
})

t.test('[R95] a dead receiver › delays no request, no listing and no other task', async t => {
  const { receiver, ...world } = await withReceiver(t)
  const { app, google, clock } = world
  receiver.answer = () => {}
  const user = await world.signedIn()
  const backend = await createBackend(app)
  const { id } = await user.connected()
  await app.background.run()
  const hanging = app.webhook?.run()
  await receiver.received(1)

  t.equal((await backend.vend(id)).statusCode, 200)
  t.equal((await user.fetch(`/connections/${id}/gmail/profile`)).statusCode, 200)
  google.fault('revoke', { status: 503 })
  t.equal((await user.fetch(`/connections/${id}`, 'DELETE')).statusCode, 200)
  clock.advance(10_000)
  await app.background.run()
  t.equal(google.calls('revoke'), 2, 'a pending revocation is done')
  const { events } = (await backend.fetch('/v1/events')).json()
  t.same(
    events.map(({ type }: { type: string }) => type),
    ['connection.connected', 'connection.disconnected']
  )
  await receiver.close()
  await hanging
})

t.test('[R95] a dead receiver › of one guichet among ten › the nine others deliver at once', async t => {
  const worlds = await Promise.all(Array.from({ length: 10 }, () => withReceiver(t)))
  const [dead, ...healthy] = worlds
  if (!dead) throw new Error('there is none')
  dead.receiver.answer = () => {}
  for (const world of worlds) await (await world.signedIn()).connected()
  await dead.app.background.run()
  const hanging = dead.app.webhook?.run()
  await dead.receiver.received(1)
  for (const world of healthy) {
    await deliver(world)
    t.same(world.receiver.types(), ['connection.connected'])
  }
  await dead.receiver.close()
  await hanging
})

t.test(
  '[F48] a receiver down for 48 hours › gets every event in the end, each with the same number and id',
  async t => {
    const { receiver, ...world } = await withReceiver(t)
    const { app, clock } = world
    const { port } = receiver
    await receiver.close()
    const backend = await createBackend(app)
    for (let hour = 0; hour < 48; hour += 4) {
      // A day's session ends; the connection does not.
      const user = await world.signedIn()
      const { id } = await user.connected()
      t.equal((await backend.vend(id)).statusCode, 200)
      if (hour % 8) await user.fetch(`/connections/${id}`, 'DELETE')
      for (let step = 0; step < 4; step++) {
        clock.advance(hourMs)
        await deliver(world)
      }
    }
    const back = await startReceiver(t, port)
    for (let hour = 0; hour < 30; hour++) {
      clock.advance(hourMs)
      await deliver(world)
    }
    const listed = await app.events.after(0, 100)
    t.ok(listed.length >= 12)
    t.same(
      listed.map(({ _id }) => _id),
      listed.map((_, index) => index + 1)
    )
    const parked = listed.filter(({ parkedAt }) => parkedAt !== null).map(({ id }) => id)
    t.same(parked, [], 'two days are not long enough to give up')
    t.same(back.ids().sort(), listed.map(({ id }) => id).sort())
  }
)

t.test('deliveries › one result cannot be stored › the round fails once the other deliveries end', async t => {
  const receiver = await startReceiver(t)
  const { app } = await build(t, { environment: receiver.environment })
  const held: (() => void)[] = []
  receiver.answer = response => held.push(() => response.writeHead(204).end())
  for (let n = 0; n < 12; n++)
    await app.events.append({ id: `evt_${n}`, type: 'user.deleted', createdAt: new Date(), data: {} })
  let ended = false
  const round = app.webhook?.run().finally(() => {
    ended = true
  })
  await receiver.received(4)
  failNext(collectionsOf(app).events, 'updateOne', new MongoNetworkError('away'))
  held.shift()?.()
  // Long enough for the failure to surface, and for a sender that would not wait.
  for (let turn = 0; turn < 200; turn++) await new Promise(resolve => setImmediate(resolve))
  t.notOk(ended, 'three are still under way')
  receiver.answer = status(204)
  for (const answer of held) answer()
  await round
  t.ok(ended)
})
