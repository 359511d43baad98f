import t from 'tap'
import { tellInProcesses } from './replicas.ts'
import { refreshesAt } from './story.ts'

/** When the process is killed: before Google acts, after it, or once so many reads of the database have passed since. */
const moments = ['before Google acts', 'before its answer', 2, 'once it is stored', 'after the vend'] as const

t.test('[R69] refresh › kill -9 at each moment of a rotation › no token that was handed out is lost', async t => {
  const { google, ada, clock, connection, start, vend, vendAt, expireStored, stored } = await tellInProcesses(t)
  google.rotateRefreshTokens = true
  let next = start()
  for (const moment of moments) {
    const server = await next
    // The one after boots meanwhile.
    next = start()
    await expireStored()
    const before = await stored()
    const { release } = google.fault('token', {
      hang: true,
      when: moment === 'before Google acts' ? 'before' : 'after'
    })
    const arrived = google.arrival('token')
    const vending = vendAt(server).catch(() => undefined)
    await arrived
    if (moment === 'after the vend') {
      release()
      await vending
    } else if (moment === 'once it is stored') {
      release()
      while ((await stored()).version === before.version);
    } else if (typeof moment === 'number') {
      release()
      for (let read = 0; read < moment; read++) await stored()
    }
    await server.kill('SIGKILL')
    // A request that Google has not acted on died with its sender.
    if (moment !== 'before Google acts') release()
    const seen = (await vending)?.body.access_token

    // Its lease ends, by its own clock too, which went on meanwhile; another replica goes on with what is stored.
    clock.advance(60_000)
    const after = await stored()
    const isStored = after.version > before.version
    if (seen !== undefined) {
      t.ok(isStored, `killed ${moment}: what the caller saw was stored before`)
      t.equal(google.ledger.canOpen(seen), connection.account.sub)
    }
    await expireStored()
    const { statusCode } = await vend()
    if (isStored || moment === 'before Google acts') {
      t.equal(statusCode, 200, `killed ${moment}: the newest refresh token is the one that is used`)
      const issued = google.ledger.of('refresh_token')
      t.equal(refreshesAt(google).at(-1), issued.at(-2)?.value)
    } else {
      // Nobody got that token: the connection is dead, and the user reconnects.
      t.equal(statusCode, 409, `killed ${moment}: a token that was never stored is missed, not pretended`)
      await ada.connected()
      t.equal((await vend()).statusCode, 200)
    }
    t.match(await stored(), { lease: null, deadReason: null })
  }
  await (await next).kill('SIGKILL')
  t.same(google.violations, [])
})
