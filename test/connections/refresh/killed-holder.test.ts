import t from 'tap'
import { tellInProcesses } from './replicas.ts'

// The lease lasts 20 s on the database's clock: this is the one test that waits for it to end by itself.
t.test(
  '[F29] lease › its holder is killed › waiting callers get an error, and a token once the lease has expired',
  async t => {
    const { google, connection, start, vendAt, expireStored, refreshes, stored } = await tellInProcesses(t)
    const [holder, other] = await Promise.all([start(), start()])
    await expireStored()
    google.fault('token', { hang: true })
    const arrived = google.arrival('token')
    const lost = vendAt(holder).catch(() => 'reset')
    await arrived
    await holder.kill('SIGKILL')
    t.equal(await lost, 'reset')

    let answers = 0
    // A lease that never ends would run into the test runner's time-out.
    for (;;) {
      const { status, headers, body } = await vendAt(other)
      answers += 1
      if (status === 200) {
        t.equal(google.ledger.canOpen(body.access_token ?? ''), connection.account.sub)
        break
      }
      t.equal(status, 503)
      t.equal(body.code, 'google_unavailable')
      t.ok(Number(headers.get('retry-after')) >= 1)
    }
    t.ok(answers >= 2, 'nobody waits for longer than 12 s')
    t.equal(refreshes(), 2)
    t.match(await stored(), { lease: null, deadReason: null })
    t.same(google.violations, [])
  }
)
