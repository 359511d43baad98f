import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'
import { startEmbeddedMongo } from '@guichet/embedded-mongo'
import t, { type Test } from 'tap'
import { createServer as createApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config/config.ts'
import { build, collectionsOf } from '../helper.ts'

/** Longer than any request may wait for the database. */
const buildMs = 2_600

/** In front of a database: the first build of each connection's indexes over one collection takes long. */
async function startSlowBuilder(t: Test, uri: string, collection: string): Promise<{ uri: string; builds(): number }> {
  const target = new URL(uri)
  const { hostname, port } = target
  let builds = 0
  const sockets = new Set<Socket>()
  const proxy = createServer(client => {
    const server = connect(Number(port), hostname)
    let heldUntilMs = 0
    client.on('data', bytes => {
      const text = bytes.toString('latin1')
      if (text.includes('createIndexes') && text.includes(collection)) {
        builds++
        heldUntilMs = performance.now() + buildMs
      }
      server.write(bytes)
    })
    server.on('data', bytes => {
      const waitMs = heldUntilMs - performance.now()
      if (waitMs > 0) setTimeout(() => client.write(bytes), waitMs)
      else client.write(bytes)
    })
    for (const [socket, other] of [
      [client, server],
      [server, client]
    ] as const) {
      sockets.add(socket)
      socket.on('close', () => other.destroy()).on('error', () => undefined)
    }
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    proxy.close()
    for (const socket of sockets) socket.destroy()
  })
  target.host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`
  return { uri: target.href, builds: () => builds }
}

t.test('[F9] indexes › one takes longer to build than a request may › it is waited for, then ready', async t => {
  const world = await build(t)
  const mongo = await startEmbeddedMongo()
  t.teardown(() => mongo.close())
  const slow = await startSlowBuilder(t, mongo.uri, 'sessions')
  const app = await createApp({ ...parseConfig({ ...world.environment, MONGODB_URI: slow.uri }), clock: world.clock })
  t.teardown(() => app.close())
  await app.ready()
  t.equal((await app.inject('/readyz')).statusCode, 200, 'ready at the first attempt')
  t.equal(slow.builds(), 2, 'once under the time-out of requests, once with patience')
  t.ok((await collectionsOf(app).sessions.indexes()).length > 1)
})
