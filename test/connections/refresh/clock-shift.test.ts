import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { tellInProcesses } from './replicas.ts'

const library = ['x86_64-linux-gnu', 'aarch64-linux-gnu']
  .map(machine => `/usr/lib/${machine}/faketime/libfaketime.so.1`)
  .find(existsSync)
const skip = library === undefined && 'libfaketime is not installed (apt-get install faketime)'

/** The environment of a process whose clock is wrong by that much; its timers run as ever. */
const shifted = (seconds: number) => ({
  LD_PRELOAD: library ?? '',
  FAKETIME: `${seconds < 0 ? '' : '+'}${seconds}s`,
  DONT_FAKE_MONOTONIC: '1',
  FAKETIME_DONT_FAKE_MONOTONIC: '1'
})

t.test(
  '[R67] [F31] clocks › replicas ten minutes fast and slow › one refresh, and no lifetime is overstated',
  { skip },
  async t => {
    const { google, connection, start, vendAt, expireStored, refreshes } = await tellInProcesses(t)
    const servers = await Promise.all([start(shifted(600)), start(shifted(-600)), start()])
    const logged = servers.map(({ logs }) => (JSON.parse(logs.at(-1) ?? '{}').time - Date.now()) / 60_000)
    t.same(
      logged.map(minutes => Math.round(minutes)),
      [10, -10, 0],
      'their clocks are really wrong'
    )

    for (const server of servers) {
      const { status, body } = await vendAt(server)
      t.equal(status, 200)
      t.equal(refreshes(), 0, 'a fresh token is fresh to all')
      const trueRest = google.accessTokenLifetimeSeconds
      t.ok((body.expires_in ?? 0) <= trueRest + 1 && (body.expires_in ?? 0) >= trueRest - 60, `${body.expires_in}`)
    }

    for (let round = 1; round <= 2; round++) {
      await expireStored()
      const { release } = google.fault('token', { hang: true })
      const arrived = google.arrival('token')
      const storm = Promise.all(Array.from({ length: 20 }, () => servers.map(server => vendAt(server))).flat())
      await arrived
      for (const server of servers) await fetch(new URL('/livez', server.url))
      release()
      const answers = await storm
      t.ok(answers.every(({ status }) => status === 200))
      t.equal(new Set(answers.map(({ body }) => body.access_token)).size, 1)
      t.equal(google.ledger.canOpen(answers[0]?.body.access_token ?? ''), connection.account.sub)
      t.equal(refreshes(), round)
      const rests = answers.map(({ body }) => body.expires_in ?? 0)
      t.ok(Math.max(...rests) <= google.accessTokenLifetimeSeconds + 1, `${Math.max(...rests)} s at most`)
      t.ok(Math.min(...rests) >= google.accessTokenLifetimeSeconds - 60, `${Math.min(...rests)} s at least`)
    }
    t.same(google.violations, [])
  }
)

t.test(
  '[R67] clocks › the system clock is set an hour forward and back › no token’s life changes',
  { skip },
  async t => {
    const { google, start, vendAt, refreshes } = await tellInProcesses(t)
    const offset = join(t.testdir(), 'offset')
    writeFileSync(offset, '+0s')
    const { FAKETIME, ...preloaded } = shifted(0)
    const server = await start({ ...preloaded, FAKETIME_TIMESTAMP_FILE: offset, FAKETIME_NO_CACHE: '1' })
    const answered = () => server.logs.filter(line => line.includes('"answered"'))
    for (const [round, seconds] of [3590, -3590].entries()) {
      writeFileSync(offset, `${seconds < 0 ? '' : '+'}${seconds}s`)
      const { status, body } = await vendAt(server)
      t.equal(status, 200)
      while (answered().length <= round) await new Promise(resolve => setImmediate(resolve))
      const { time } = JSON.parse(answered()[round] ?? '{}')
      t.equal(Math.round((time - Date.now()) / 60_000), Math.round(seconds / 60), 'the clock was really set')
      const rest = body.expires_in ?? 0
      t.ok(rest <= google.accessTokenLifetimeSeconds && rest >= google.accessTokenLifetimeSeconds - 60, `${rest}`)
    }
    t.equal(refreshes(), 0)
    t.same(google.violations, [])
  }
)
