import t from 'tap'
import { build, type World } from '../helper.ts'
import { secret, secretOf, startReceiver, status } from './receiver.ts'

/** Lists what has happened and delivers it. */
async function deliver({ app }: Pick<World, 'app'>): Promise<void> {
  await app.background.run()
  await app.webhook?.run()
}

t.test('[R92] delivery › a connection is made and ended › two signed events without secrets', async t => {
  const receiver = await startReceiver(t)
  const world = await build(t, { environment: receiver.environment })
  const ada = await world.signedIn()
  const connection = await ada.connected()
  await deliver(world)
  await ada.fetch(`/connections/${connection.id}`, 'DELETE')
  await deliver(world)

  t.same(receiver.types(), ['connection.connected', 'connection.disconnected'])
  for (const received of receiver.requests) {
    const { method, url, headers, body, event } = received
    t.equal(method, 'POST')
    t.equal(url, '/events')
    t.equal(headers['content-type'], 'application/json')
    t.doesNotThrow(() => receiver.verify(received))
    t.equal(headers['webhook-id'], event.id)
    t.match(event.id, /^evt_[0-9a-f-]{36}$/)
    t.match(event.data, { connection: { id: connection.id, account: { email: 'ada@example.com' } } })
    t.equal(event.timestamp, event.createdAt)
    t.ok(Buffer.byteLength(body) < 20 * 1024)
    t.same(world.google.ledger.find(body + JSON.stringify(headers)), [], 'no secret, in any encoding')
  }
  t.same(world.google.violations, [])
})

t.test('[R92] delivery › a message tampered with, too old, or signed by another key › does not verify', async t => {
  const receiver = await startReceiver(t)
  const world = await build(t, { environment: receiver.environment })
  await (await world.signedIn()).connected()
  await deliver(world)
  const [received] = receiver.requests
  if (!received) throw new Error('nothing came')
  const { headers, body } = received
  t.throws(() => receiver.verify(received, secretOf(8)))
  t.throws(() => receiver.verify({ ...received, body: body.replace('active', 'partial') }))
  t.throws(() => receiver.verify({ ...received, headers: { ...headers, 'webhook-id': 'evt_other' } }))
  const old = String(Number(headers['webhook-timestamp']) - 301)
  t.throws(() => receiver.verify({ ...received, headers: { ...headers, 'webhook-timestamp': old } }))
})

t.test('[R92] delivery › a retry › has the same id and body, a new time, and a good signature', async t => {
  const receiver = await startReceiver(t)
  const world = await build(t, { environment: receiver.environment })
  receiver.answer = status(500)
  await (await world.signedIn()).connected()
  await deliver(world)
  world.clock.advance(10_000)
  receiver.answer = status(200)
  await deliver(world)
  const [first, second] = receiver.requests
  t.equal(receiver.requests.length, 2)
  t.equal(second?.headers['webhook-id'], first?.headers['webhook-id'])
  t.equal(second?.body, first?.body)
  const [before, after] = [first, second].map(one => Number(one?.headers['webhook-timestamp']))
  t.equal((after ?? 0) - (before ?? 0), 10)
  for (const received of receiver.requests) t.doesNotThrow(() => receiver.verify(received))
})

t.test('[R92] delivery › while the secret is changed › signed by both, and then by the new one alone', async t => {
  const receiver = await startReceiver(t)
  const [older, newer] = [secret, secretOf(9)]
  const world = await build(t, { environment: receiver.environment })
  const user = await world.signedIn()
  receiver.answer = status(500)
  await user.connected()
  await deliver(world)
  await world.app.close()

  receiver.answer = status(204)
  const both = await world.replica({ WEBHOOK_SECRETS: `${newer},${older}` })
  world.clock.advance(10_000)
  await both.webhook?.run()
  await both.close()
  const changing = receiver.requests[1]
  t.equal(String(changing?.headers['webhook-signature']).split(' ').length, 2)
  if (!changing) throw new Error('nothing came')
  t.doesNotThrow(() => receiver.verify(changing, older))
  t.doesNotThrow(() => receiver.verify(changing, newer))

  const after = await world.replica({ WEBHOOK_SECRETS: newer })
  await user.clone(after).connect({}, '/connect/calendar')
  await deliver({ app: after })
  const changed = receiver.requests[2]
  if (!changed) throw new Error('nothing came')
  t.doesNotThrow(() => receiver.verify(changed, newer))
  t.throws(() => receiver.verify(changed, older))
})

t.test('[R92] delivery › the longest values that Google may send › an event stays under 20 KB', async t => {
  const receiver = await startReceiver(t)
  const world = await build(t, { environment: receiver.environment })
  const user = await world.signedIn()
  const more = Array.from({ length: 190 }, (_, n) => `https://www.googleapis.com/auth/${1000 + n}`).join(' ')
  world.google.fault('token', { mutate: answer => ({ ...answer, scope: `${answer.scope} ${more}` }) })
  t.ok((await user.connected()).grantedScopes.length > 190)
  await deliver(world)
  t.equal(receiver.requests.length, 1)
  t.ok(Buffer.byteLength(receiver.requests[0]?.body ?? '') < 20 * 1024)
})
