import t from 'tap'
import { startTrap } from '../../google/trap.ts'
import { collectionsOf } from '../../helper.ts'
import { residentBytes } from '../../process.ts'
import { tellInProcesses } from './replicas.ts'

const timeoutMs = 1000

t.test('[R73] [F17] refresh › endless, huge or redirected answers › refused in time and in little memory', async t => {
  // A host that must get no token.
  const trap = await startTrap(t)
  const { app, google, start, vendAt, expireStored, refreshes } = await tellInProcesses(t, {
    GOOGLE_TIMEOUT_MS: String(timeoutMs)
  })
  const server = await start()
  const token = (await vendAt(server)).body.access_token
  const gzipped = Array.from({ length: 1000 }, () => 'gzip').join(', ')
  const faults = {
    'a byte a second': [{ drip: 1000 }, 503],
    'a byte at a time': [{ drip: 20 }, 503],
    'no answer': [{ hang: true }, 503],
    'a body without end': [{ endless: true }, 502],
    '100 MB of JSON': [{ huge: 100_000_000 }, 502],
    'a gzip bomb': [{ gzipBomb: 100_000_000 }, 502],
    'a thousand times gzip': [{ addHeaders: { 'content-encoding': gzipped } }, undefined],
    'a redirect, 302': [{ redirectTo: trap.url }, 502],
    'a redirect, 307': [{ redirectTo: trap.url, redirectStatus: 307 }, 502],
    'a redirect, 308': [{ redirectTo: trap.url, redirectStatus: 308 }, 502]
  } as const

  await server.loaded
  const before = residentBytes(server.pid)
  let calls = 0
  for (const [name, [fault, expected]] of Object.entries(faults)) {
    await collectionsOf(app).connections.updateOne({}, { $set: { cooldownUntil: null } })
    await expireStored()
    google.fault('token', fault)
    const startedAt = performance.now()
    const { status, headers, body } = await vendAt(server)
    const ms = performance.now() - startedAt
    t.ok(expected ? status === expected : status === 502 || status === 503, `${name}: ${status} ${body.code}`)
    t.ok(ms < timeoutMs + 5000, `${name}: after ${Math.round(ms)} ms`)
    t.match(headers.get('retry-after'), /^\d+$/)
    t.equal(refreshes(), ++calls, 'asked once')
    google.clearFaults()
  }
  const grown = residentBytes(server.pid) - before
  t.ok(grown < 50 * 1024 * 1024, `${Math.round(grown / 1024 / 1024)} MB more`)
  t.equal(trap.connections, 0)

  await collectionsOf(app).connections.updateOne({}, { $set: { cooldownUntil: null } })
  const { status, body } = await vendAt(server)
  t.equal(status, 200, 'and the next good answer is taken')
  t.not(body.access_token, token)
})
