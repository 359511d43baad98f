import t from 'tap'
import { tellInProcesses } from './replicas.ts'

for (const rotates of [false, true]) {
  t.test(
    `[R66] [F30] lease › its holder is stopped past its end, Google rotates: ${rotates} › the newest wins`,
    async t => {
      const { app, google, clock, connection, start, vend, vendAt, expireStored, refreshes, stored } =
        await tellInProcesses(t)
      google.rotateRefreshTokens = rotates
      const holder = await start()
      await expireStored()
      // Google has acted, and its answer is on the way when the holder is paused.
      const { release } = google.fault('token', { hang: true, when: 'after' })
      const arrived = google.arrival('token')
      const slow = vendAt(holder)
      await arrived
      await holder.kill('SIGSTOP')
      release()
      // The database's clock passes the lease's end; the paused process does not notice.
      clock.advance(60_000)
      const newer = await vend()
      t.equal(newer.statusCode, rotates ? 409 : 200, 'the follower only has what is stored')
      const { version, accessToken } = await stored()
      await holder.kill('SIGCONT')

      const { status, body } = await slow
      t.equal(status, 200)
      t.equal(google.ledger.canOpen(body.access_token ?? ''), connection.account.sub)
      t.equal(refreshes(), 2)
      if (rotates) t.equal((await stored()).deadReason, null, 'the one that Google gave last is stored')
      else t.match(await stored(), { version, accessToken, lease: null }, 'the older one is not')
      t.equal((await vend()).json().access_token, body.access_token)
      t.equal((await app.inject('/readyz')).statusCode, 200)
      t.same(google.violations, [])
    }
  )
}
