import { once } from 'node:events'
import { createServer, type ServerOptions } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import oauth2 from '@fastify/oauth2'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { createExchangeAgent } from '../../src/google/exchange-agent.ts'

/** A token endpoint, and the connections it was asked on. */
async function endpoint(t: Test, options: ServerOptions = {}) {
  const connections: Socket[] = []
  const server = createServer(options, (_request, response) =>
    response.setHeader('content-type', 'application/json').end('{"access_token":"token"}')
  )
  server.on('connection', socket => connections.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`
  return { url, connections }
}

/** Exchanges at that endpoint as the server makes them: by the library, which copies its options. */
async function exchanger(url: string, idleMs?: number) {
  const agent = createExchangeAgent(url, idleMs)
  const app = Fastify()
  const { origin: tokenHost, pathname: tokenPath } = new URL(url)
  await app.register(oauth2, {
    name: 'google',
    credentials: { client: { id: 'id', secret: 'secret' }, auth: { tokenHost, tokenPath }, http: { agent } },
    callbackUri: 'http://localhost/callback'
  })
  await app.ready()
  const { google } = app as unknown as { google: { oauth2: { getToken(parameters: object): Promise<unknown> } } }
  return { agent, exchange: () => google.oauth2.getToken({ code: 'code', redirect_uri: 'http://localhost/callback' }) }
}

t.test('exchange agent › one exchange after the other › on one connection', async t => {
  const { url, connections } = await endpoint(t)
  const { agent, exchange } = await exchanger(url)
  t.teardown(() => agent.destroy())
  for (let round = 0; round < 5; round++) await exchange()
  t.equal(connections.length, 1)
})

t.test('exchange agent › a connection that was idle for its time › is closed by us, and the next is new', async t => {
  const { url, connections } = await endpoint(t, { keepAliveTimeout: 60_000 })
  const { agent, exchange } = await exchanger(url, 20)
  t.teardown(() => agent.destroy())
  await exchange()
  await once(connections[0] as Socket, 'close')
  await exchange()
  t.equal(connections.length, 2)
})

t.test('exchange agent › the server names a time that leaves none › its connection is not used again', async t => {
  const { url, connections } = await endpoint(t, { keepAliveTimeout: 1_000 })
  const { agent, exchange } = await exchanger(url)
  t.teardown(() => agent.destroy())
  for (let round = 0; round < 2; round++) await exchange()
  t.equal(connections.length, 2)
})

t.test('exchange agent › of https endpoints › speaks TLS', async t => {
  t.match(createExchangeAgent('https://oauth2.example/token'), { protocol: 'https:' })
})
