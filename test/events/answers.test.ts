import t from 'tap'
import { build, collectionsOf, type World, type WorldOptions } from '../helper.ts'
import { guichet } from '../process.ts'
import { type Receiver, startReceiver, status } from './receiver.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs

async function withReceiver(t: Parameters<typeof build>[0], { environment = {}, ...options }: WorldOptions = {}) {
  const receiver = await startReceiver(t)
  const world = await build(t, { ...options, environment: { ...receiver.environment, ...environment } })
  return { ...world, receiver }
}

async function deliver({ app }: Pick<World, 'app'>): Promise<void> {
  await app.background.run()
  await app.webhook?.run()
}

/** Makes a new event each time. */
async function makeEvents(world: World, count: number): Promise<void> {
  const user = await world.signedIn()
  for (let n = 0; n < count; n++) {
    const connection = await user.connected()
    // A disconnected one and a new one are two events: every other is enough.
    if (n % 2) await user.fetch(`/connections/${connection.id}`, 'DELETE')
  }
}

t.test('[R94] answers › only 2xx is success', async t => {
  const { receiver, ...world } = await withReceiver(t)
  receiver.answer = status(400)
  await (await world.signedIn()).connected()
  await deliver(world)
  for (const code of [300, 304, 401, 404, 409, 500, 504]) {
    receiver.answer = status(code, { location: `http://127.0.0.1:${receiver.port}/elsewhere` })
    world.clock.advance(30 * hourMs)
    await deliver(world)
  }
  t.equal(receiver.requests.length, 8)
  t.same([...new Set(receiver.requests.map(({ url }) => url))], ['/events'], 'no redirect is followed')
  for (const code of [200, 201, 202, 204]) {
    const before = receiver.requests.length
    receiver.answer = status(code)
    await (await world.signedIn()).connect({}, '/connect/calendar')
    world.clock.advance(30 * hourMs)
    await deliver(world)
    world.clock.advance(30 * hourMs)
    await deliver(world)
    t.ok(receiver.requests.length > before)
    t.equal(await collectionsOf(world.app).events.countDocuments({ delivery: { $ne: null } }), 0, `${code} is taken`)
  }
})

t.test('[R94] answers › a redirect to an inside server › that server gets nothing', async t => {
  const { receiver, ...world } = await withReceiver(t)
  const inside = await startReceiver(t)
  for (const code of [301, 302, 303, 307, 308]) {
    receiver.answer = status(code, { location: inside.url })
    await makeEvents(world, 2)
    world.clock.advance(hourMs)
    await deliver(world)
  }
  t.ok(receiver.requests.length >= 5)
  t.equal(inside.requests.length, 0)
})

t.test('[R94] answers › 410 › no more deliveries until its events are replayed', async t => {
  const { receiver, ...world } = await withReceiver(t)
  const { app, clock, replica } = world
  receiver.answer = status(410)
  await makeEvents(world, 12)
  const other = await replica()
  await Promise.all([deliver(world), deliver({ app: other })])
  const asked = receiver.requests.length
  t.ok(asked >= 1 && asked <= 8, `those under way at once: ${asked}`)
  for (let day = 0; day < 4; day++) {
    clock.advance(24 * hourMs)
    await Promise.all([deliver(world), deliver({ app: other })])
  }
  t.equal(receiver.requests.length, asked)
  const waiting = await collectionsOf(app).events.countDocuments({ delivery: { $ne: null } })
  const parked = await guichet(world.environment, 'events', 'parked')
  t.match(parked.err, `410: ${waiting} more events wait`, 'a look at the log shows it')

  receiver.answer = status(204)
  t.match(await guichet(world.environment, 'events', 'replay'), { code: 0, out: '' })
  clock.advance(minuteMs)
  await deliver(world)
  const listed = (await app.events.after(0, 100)).map(({ id }) => id)
  t.same(new Set(receiver.ids()), new Set(listed), 'none is lost')
})

t.test('[R94] answers › 410 › shown at each start, in a gauge and in readiness, until resumed', async t => {
  const lines: string[] = []
  const receiver = await startReceiver(t)
  const logger = { stream: { write: (line: string) => void lines.push(line) } }
  const world = await build(t, { environment: receiver.environment, logger })
  const isTold = () => lines.filter(line => line.includes('"webhook_gone"')).length
  const readiness = async () => (await world.app.inject('/readyz')).json()
  t.same(await readiness(), { status: 'ok' })
  t.match(await world.app.metrics.text(), /^guichet_webhook_gone 0$/m)
  t.equal(isTold(), 0)

  receiver.answer = status(410)
  await (await world.signedIn()).connected()
  await deliver(world)
  const asked = receiver.requests.length
  t.same(await readiness(), { status: 'ok', warnings: ['webhook_gone'] })
  t.match(await world.app.metrics.text(), /^guichet_webhook_gone 1$/m)
  const again = await world.replica()
  await again.inject('/readyz')
  t.equal(isTold(), 1, 'at the start of another')

  receiver.answer = status(204)
  await world.app.events.append({ id: 'evt_x', type: 'user.deleted', createdAt: new Date(), data: {} })
  await deliver(world)
  t.equal(receiver.requests.length, asked, 'nothing is sent')
  t.match(await guichet(world.environment, 'events', 'resume'), { code: 0, err: /goes on/ })
  t.match(await guichet(world.environment, 'events', 'resume'), { code: 0, err: /Nothing was stopped/ })
  world.clock.advance(1000)
  await deliver(world)
  t.ok(receiver.ids().includes('evt_x'))
  t.same(await readiness(), { status: 'ok' })
})

t.test('[R94] answers › 410, then another URL is configured › delivered there', async t => {
  const { receiver, ...world } = await withReceiver(t)
  const { clock } = world
  receiver.answer = status(410)
  await makeEvents(world, 1)
  await deliver(world)
  const moved = await startReceiver(t)
  const replica = await world.replica({ WEBHOOK_URL: moved.url })
  await (await world.signedIn()).connect({}, '/connect/calendar')
  clock.advance(hourMs)
  await deliver({ app: replica })
  t.same(moved.types(), ['connection.connected'])
})

for (const code of [429, 503]) {
  t.test(`[R94] answers › ${code} with Retry-After › nothing is sent until then`, async t => {
    const { receiver, ...world } = await withReceiver(t)
    receiver.answer = status(code, { 'retry-after': '30' })
    const user = await world.signedIn()
    await user.connected()
    await deliver(world)
    t.equal(receiver.requests.length, 1)
    await user.connect({}, '/connect/calendar')
    world.clock.advance(29_000)
    await deliver(world)
    t.equal(receiver.requests.length, 1, 'nor the next event')
    receiver.answer = status(204)
    world.clock.advance(1_001)
    await deliver(world)
    t.equal(new Set(receiver.ids()).size, 2)
    t.equal(await collectionsOf(world.app).events.countDocuments({ delivery: { $ne: null } }), 0)
  })
}

t.test('[R94] answers › Retry-After, then another URL is configured › delivered there at once', async t => {
  const { receiver, ...world } = await withReceiver(t)
  receiver.answer = status(503, { 'retry-after': '3600' })
  await makeEvents(world, 1)
  await deliver(world)
  const moved = await startReceiver(t)
  const replica = await world.replica({ WEBHOOK_URL: moved.url })
  await (await world.signedIn()).connect({}, '/connect/calendar')
  await deliver({ app: replica })
  t.same(moved.types(), ['connection.connected'])
})

t.test('[R94] answers › Retry-After a century, invalid or a date › capped, ignored, understood', async t => {
  const { receiver, ...world } = await withReceiver(t)
  const user = await world.signedIn()
  const { clock } = world
  receiver.answer = status(503, { 'retry-after': '999999999' })
  await user.connected()
  await deliver(world)
  clock.advance(24 * hourMs + 1)
  receiver.answer = status(503, { 'retry-after': 'soon' })
  await deliver(world)
  t.equal(receiver.requests.length, 2)
  clock.advance(6.1 * minuteMs)
  receiver.answer = status(503, { 'retry-after': new Date(clock.nowMs() + 2 * hourMs).toUTCString() })
  await deliver(world)
  t.equal(receiver.requests.length, 3)
  clock.advance(1.9 * hourMs)
  receiver.answer = status(204)
  await deliver(world)
  t.equal(receiver.requests.length, 3)
  clock.advance(0.2 * hourMs)
  await deliver(world)
  t.equal(receiver.requests.length, 4)
})

/** The head of an answer, a letter at a time and without end: there is always something to wait for. */
function drip(onLetter: () => void): Receiver['answer'] {
  return ({ socket }) => {
    socket?.write('HTTP/1.1 200 OK\r\nx-drip: ')
    const timer = setInterval(() => socket?.write('.', onLetter), 1)
    socket?.once('close', () => clearInterval(timer))
  }
}

for (const how of ['never answers', 'drips']) {
  t.test(`[R94] time › a receiver that ${how} › cut off after 20 s in all`, async t => {
    const { receiver, ...world } = await withReceiver(t)
    const limits: { ms: number; timer: AbortController }[] = []
    const { restore } = t.intercept(AbortSignal, 'timeout', {
      value: (ms: number) => {
        const timer = new AbortController()
        limits.push({ ms, timer })
        return timer.signal
      }
    })
    let letters = 0
    const dripped = new Promise<void>(resolve => {
      const onLetter = () => {
        letters += 1
        if (letters === 50) resolve()
      }
      receiver.answer = how === 'drips' ? drip(onLetter) : () => resolve()
    })
    await (await world.signedIn()).connected()
    await world.app.background.run()
    let isOver = false
    const delivering = world.app.webhook?.run().then(() => {
      isOver = true
    })
    await receiver.received(1)
    await Promise.race([dripped, delivering])
    t.notOk(isOver, 'it waits')
    t.same(
      limits.map(({ ms }) => ms),
      [20_000],
      'and what comes meanwhile gives no more time'
    )
    limits[0]?.timer.abort(new DOMException('time-out', 'TimeoutError'))
    await delivering
    restore()
    const [event] = await world.app.events.after(0, 1)
    t.match(event, { deliveredAt: null, delivery: { attempts: 1, owner: null } })
    t.equal(receiver.requests.length, 1)
  })
}

t.test('[R94] size › an answer of two gigabytes, or one that drips › cut off', async t => {
  const { receiver, ...world } = await withReceiver(t)
  let written = 0
  receiver.answer = response => {
    response.writeHead(200, { 'content-length': String(2 * 1024 ** 3) })
    const chunk = Buffer.alloc(64 * 1024)
    const write = () => {
      while (!response.destroyed && response.write(chunk)) written += chunk.length
    }
    response.on('drain', write)
    write()
  }
  await (await world.signedIn()).connected()
  const before = process.memoryUsage().rss
  await deliver(world)
  t.equal(await collectionsOf(world.app).events.countDocuments({ deliveredAt: { $ne: null } }), 1)
  t.ok(written < 64 * 1024 ** 2, `${written} bytes were taken`)
  t.ok(process.memoryUsage().rss - before < 200 * 1024 ** 2)

  receiver.answer = response => void response.writeHead(200).write('.')
  await (await world.signedIn()).connect({}, '/connect/calendar')
  await deliver(world)
  t.equal(await collectionsOf(world.app).events.countDocuments({ deliveredAt: { $ne: null } }), 2)
})

t.test('[R94] closing › during a delivery › ends at once, and the event is due again', async t => {
  const { receiver, ...world } = await withReceiver(t)
  receiver.answer = () => {}
  await (await world.signedIn()).connected()
  await world.app.background.run()
  void world.app.webhook?.run()
  await receiver.received(1)
  await world.app.close()
  receiver.answer = status(204)
  const next = await world.replica()
  await deliver({ app: next })
  t.equal(new Set(receiver.ids()).size, 1)
  t.equal(receiver.requests.length, 2)
})
