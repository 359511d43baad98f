import { once } from 'node:events'
import t, { type Test } from 'tap'
import { createBackend } from '../backend/backend.ts'
import { build, collectionsOf } from '../helper.ts'
import { startServer } from '../process.ts'

/** A server with a refresh under way that Google does not answer. */
async function buildHung(t: Test) {
  const { app, google, environment, signedIn } = await build(t, { environment: { GOOGLE_TIMEOUT_MS: '1000' } })
  const { id } = await (await signedIn()).connected()
  const { key } = await createBackend(app)
  const { connections } = collectionsOf(app)
  await connections.updateOne({}, { $set: { accessTokenExpiresAt: new Date(0) } })
  const server = await startServer(t, environment)
  google.fault('token', { hang: true })
  const arrived = google.arrival('token')
  const headers = { authorization: `Bearer ${key}` }
  const vending = fetch(`${server.url}/v1/connections/${id}/token`, { method: 'POST', headers })
  const answer = vending.catch(() => undefined)
  await arrived
  return { server, answer, connections, exited: once(server.process, 'exit') }
}

t.test('[F38] SIGTERM › while Google hangs › 503 with Retry-After, the lease released, and exit 0', async t => {
  const { server, answer, connections, exited } = await buildHung(t)
  server.process.kill('SIGTERM')
  const response = await answer
  t.equal(response?.status, 503)
  t.match(await response?.json(), { code: 'google_unavailable' })
  t.ok(Number(response?.headers.get('retry-after')) >= 1)
  t.same(await exited, [0, null])
  t.match(await connections.findOne({}), { lease: null, deadReason: null, live: true })
})

t.test('[F39] a second SIGTERM › ends the process at once with an error code; the lease expires', async t => {
  const { server, answer, connections, exited } = await buildHung(t)
  server.process.kill('SIGTERM')
  while (!server.logs.some(line => line.includes('"event":"stopping"'))) await once(server.process.stdout ?? t, 'data')
  server.process.kill('SIGTERM')
  t.same(await exited, [1, null])
  t.equal(await answer, undefined, 'the client sees a reset')
  const record = await connections.findOne({})
  t.match(record, { deadReason: null, live: true })
  t.ok((record?.lease?.until.getTime() ?? 0) < Date.now() + 21_000, 'another may refresh in 20 s')
})
