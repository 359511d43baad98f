import { once } from 'node:events'
import { get } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { createBackend } from '../backend/backend.ts'
import { build, collectionsOf } from '../helper.ts'
import { startServer } from '../process.ts'

t.test('[F37] SIGTERM › during a request › it is answered, readiness fails, and the process exits with 0', async t => {
  const { app, google, environment, signedIn } = await build(t, { environment: { AUDIT_FILE: '' } })
  const { id } = await (await signedIn()).connected()
  const { key } = await createBackend(app)
  await collectionsOf(app).connections.updateOne({}, { $set: { accessTokenExpiresAt: new Date(0) } })
  const server = await startServer(t, environment)
  const { release } = google.fault('token', { hang: true })
  const arrived = google.arrival('token')
  const headers = { authorization: `Bearer ${key}` }
  const vending = fetch(`${server.url}/v1/connections/${id}/token`, { method: 'POST', headers })
  await arrived
  const exited = once(server.process, 'exit')
  server.process.kill('SIGTERM')
  while ((await fetch(`${server.url}/readyz`)).status === 200);
  const ready = await fetch(`${server.url}/readyz`)
  t.equal(ready.status, 503)
  t.match(await ready.json(), { code: 'shutting_down' })
  t.match(ready.headers.get('retry-after'), /^\d+$/)
  // A client that has not noticed yet is served, and told to use another connection.
  const served = get(`${server.url}/services`)
  const [answer] = await once(served, 'response')
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers.connection, 'close')
  answer.resume()
  release()
  const vended = await vending
  t.equal(vended.status, 200)
  t.equal(google.ledger.canOpen(((await vended.json()) as { access_token: string }).access_token) !== undefined, true)
  t.same(await exited, [0, null])
  t.equal(server.logs.filter(line => line.includes('"outcome":"vended"')).length, 1)
  t.same(google.violations, [])
})

t.test('[F37] closing › a request that comes in after that › 503, so that it goes to another replica', async t => {
  const { app } = await build(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  const answer = text(socket)
  // Half a request: the connection is not idle.
  socket.write('GET /services HTTP/1.1\r\nHost: localhost\r\n')
  await once(app.server, 'connection')
  for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve))
  const closed = app.close()
  socket.write('Connection: keep-alive\r\n\r\n')
  const [head = '', body = ''] = (await answer).split('\r\n\r\n')
  await closed
  t.match(head, /^HTTP\/1.1 503 /)
  t.match(head, /^connection: close$/im)
  t.match(head, /^retry-after: \d+$/im)
  t.match(head, /^content-type: application\/problem\+json/im)
  t.match(JSON.parse(body), { code: 'shutting_down' })
})
