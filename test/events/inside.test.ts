import dns, { type LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { syncBuiltinESMExports } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { parseConfig } from '../../src/config/config.ts'
import { ConfigError } from '../../src/config/config-error.ts'
import { createAddressGuard, faultOfWebhookUrl } from '../../src/config/networks.ts'
import { createDelivery } from '../../src/events/delivery.ts'
import { collectionsOf, type Environment, enter, type World } from '../helper.ts'
import { faultyUrls, insideHosts, insideIpv4, insideIpv6, insideNames, publicUrls } from './inside-urls.ts'
import { secret } from './receiver.ts'

const isPublic = createAddressGuard([])

/** A server inside that counts connections, whatever the protocol. */
async function startInside(t: Test) {
  let hits = 0
  const server = createServer(socket => {
    hits++
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => new Promise(resolve => server.close(resolve)))
  return { port: (server.address() as AddressInfo).port, hits: () => hits }
}

/** What names resolve to from now on, a list for each look-up in turn, the last one for the rest. */
function resolveTo(t: Test, ...answers: string[][]): { asked: string[] } {
  const asked: string[] = []
  const lookup = (name: string, _options: object, callback: (error: null, addresses: LookupAddress[]) => void) => {
    asked.push(name)
    const addresses = answers.length > 1 ? answers.shift() : answers[0]
    callback(
      null,
      (addresses ?? []).map(address => ({ address, family: address.includes(':') ? 6 : 4 }))
    )
  }
  t.intercept(dns, 'lookup', { value: lookup })
  syncBuiltinESMExports()
  t.teardown(syncBuiltinESMExports)
  return { asked }
}

/** One event, sent to that URL as if it had passed the check at the start. */
async function send({ app }: World, url: string, allowPrivate: string[] = []): Promise<{ failures: number }> {
  const { events: collection, meta } = collectionsOf(app)
  let failures = 0
  const delivery = createDelivery({
    collection,
    meta,
    clock: app.clock,
    url,
    secrets: [secret],
    guard: createAddressGuard(allowPrivate),
    onFailure: () => failures++
  })
  await collection.deleteMany({})
  const event = { id: 'evt_1', type: 'user.deleted' as const, createdAt: new Date(), data: {} }
  const due = { attempts: 0, nextAttemptAt: new Date(0), owner: null }
  await collection.insertOne({ _id: 1, ...event, delivery: due, deliveredAt: null, parkedAt: null })
  await delivery.deliverDue()
  await delivery.close()
  return { failures }
}

t.test('[R93] webhook URL › over 200 that point inside or are faulty › the start fails for each', async t => {
  const world = await enter(t)
  const refused = [...insideHosts.map(host => `https://${host}/events`), ...faultyUrls]
  t.ok(new Set(refused).size >= 200, String(new Set(refused).size))
  for (const url of refused) {
    if (faultOfWebhookUrl(url, isPublic) === undefined) t.fail(`passes: ${url}`)
    // The value itself is in no message.
    if (url.trim() === '') continue
    const environment: Environment = { ...world.environment, WEBHOOK_URL: url, WEBHOOK_SECRETS: secret }
    try {
      parseConfig(environment)
      t.fail(`boots: ${url}`)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      t.same(
        error.faults.map(({ variable }) => variable),
        ['WEBHOOK_URL']
      )
      if (url.length > 10) t.notOk(error.message.includes(url))
    }
  }
})

t.test('[R93] webhook URL › public ones › accepted', async t => {
  for (const url of publicUrls) t.equal(faultOfWebhookUrl(url, isPublic), undefined, url)
})

t.test('[R93] webhook URL › a private address that is allowed › accepted, and its neighbour refused', async t => {
  const guard = createAddressGuard(['10.1.0.0/16', '127.0.0.1', 'fd00:1::/32'])
  const taken = [
    'https://10.1.2.3/',
    'http://10.1.2.3:8080/',
    'http://localhost:4000/',
    'http://127.0.0.1/',
    'https://[fd00:1::5]/'
  ]
  for (const url of taken) t.equal(faultOfWebhookUrl(url, guard), undefined, url)
  const refused = [
    'https://10.2.0.1/',
    'http://127.0.0.2/',
    'https://[fd00:2::5]/',
    'http://1.1.1.1/',
    'https://169.254.169.254/'
  ]
  for (const url of refused) t.type(faultOfWebhookUrl(url, guard), 'string', url)
  const onlyIpv6 = createAddressGuard(['::1'])
  t.equal(faultOfWebhookUrl('http://localhost:4000/', onlyIpv6), undefined, 'localhost is ::1 too')
  t.type(faultOfWebhookUrl('http://127.0.0.1:4000/', onlyIpv6), 'string')
})

t.test('[R93] addresses › each special range › refused; its neighbours › accepted', async t => {
  for (const address of [...insideIpv4, ...insideIpv6]) t.notOk(isPublic(address), address)
  for (const address of insideIpv4) t.notOk(isPublic(`::ffff:${address}`), `::ffff:${address}`)
  const outside = [
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.1'
  ]
  outside.push('169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.0', '192.0.1.1', '192.167.255.255')
  outside.push('192.169.0.0', '198.17.255.255', '198.20.0.0', '223.255.255.255', '2606:4700::1111', '2a00:1450::1')
  for (const address of outside) t.ok(isPublic(address), address)
  for (const nonsense of ['', 'localhost', '1.2.3', '::1%lo', '0x7f.1', '1.1.1.1 '])
    t.notOk(isPublic(nonsense), nonsense)
})

t.test('[R93] dispatch › the same URLs past the first check › not sent, and no inside server is reached', async t => {
  const world = await enter(t)
  const inside = await startInside(t)
  const { asked } = resolveTo(t, ['127.0.0.1'])
  let failures = 0
  const hosts = [...new Set(insideHosts)]
  for (const host of hosts) {
    failures += (await send(world, `https://${host}:${inside.port}/events`)).failures
    failures += (await send(world, `http://${host}:${inside.port}/events`)).failures
  }
  t.equal(failures, hosts.length * 2)
  for (const url of faultyUrls.filter(url => url.trim() !== '')) t.equal((await send(world, url)).failures, 1, url)
  t.equal(inside.hits(), 0)
  t.same(asked, [], 'not even looked up')
})

t.test('[R93][F49] dispatch › names that resolve to an inside address › no inside server is reached', async t => {
  const world = await enter(t)
  const inside = await startInside(t)
  for (const address of [...insideIpv4, ...insideIpv6, '::ffff:127.0.0.1', '64:ff9b::7f00:1']) {
    const { asked } = resolveTo(t, [address])
    for (const name of insideNames) {
      const url = `https://${name}:${inside.port}/events`
      t.equal(faultOfWebhookUrl(url, isPublic), undefined, 'the name alone says nothing')
      if (address === '127.0.0.1' || name === 'rebind.example') {
        t.equal((await send(world, url)).failures, 1)
        t.equal(asked.pop(), name)
      }
    }
  }
  t.equal(inside.hits(), 0)
})

t.test('[R93][F49] dispatch › a name changes its address › the connection goes to the checked address', async t => {
  const world = await enter(t)
  const inside = await startInside(t)
  const url = `https://rebind.example:${inside.port}/events`
  // Public and inside at once, in both orders, and none at all.
  for (const answers of [['127.0.0.1', '1.1.1.1'], ['1.1.1.1', '127.0.0.1'], ['2606:4700::1111', '::1'], []]) {
    resolveTo(t, answers)
    t.equal((await send(world, url)).failures, 1)
  }
  t.equal(inside.hits(), 0)

  // Public, inside and allowed at once: the public one says that the name is no private one.
  resolveTo(t, ['127.0.0.1', '1.1.1.1', '::1'])
  t.equal((await send(world, url, ['127.0.0.1'])).failures, 1)
  t.equal(inside.hits(), 0)

  // Allowed at the first look and inside for the second look, which nobody takes before the next attempt.
  const turning = resolveTo(t, ['127.0.0.2'], ['127.0.0.1'])
  t.equal((await send(world, url, ['127.0.0.2'])).failures, 1)
  t.same(turning.asked, ['rebind.example'], 'what was checked is what was called')
  t.equal((await send(world, url, ['127.0.0.2'])).failures, 1)
  t.same(turning.asked, ['rebind.example', 'rebind.example'])
  t.equal(inside.hits(), 0)

  for (const answers of [
    ['::1', '127.0.0.1'],
    ['127.0.0.1', '::1']
  ]) {
    resolveTo(t, answers)
    const before = inside.hits()
    await send(world, `http://localhost:${inside.port}/events`, ['127.0.0.0/8'])
    t.ok(inside.hits() > before, 'of a private name the allowed address is called')
    resolveTo(t, answers)
    t.equal((await send(world, `http://localhost:${inside.port}/events`, ['10.0.0.0/8'])).failures, 1)
  }

  const { asked } = resolveTo(t, ['127.0.0.1'])
  await send(world, url, ['127.0.0.1'])
  t.ok(inside.hits() >= 1, 'it is reached where it is allowed: the listener listens')
  t.equal(asked.length, 1, 'one look-up, and no second one to lie to')
})
