import { ObjectId } from 'mongodb'
import t from 'tap'
import { collectionsOf, isProblem } from '../../helper.ts'
import { isTold, moments, settle, tell, turns } from '../../killed.ts'

const ada = '100000000000000000001'

t.test(
  '[F35][R91] disconnect › kill -9 at each moment › whole or gone, revoked in the end, with its event',
  async t => {
    const told = await tell(t)
    const { google, user, app } = told
    const outcomes = new Set<string>()
    for (const moment of ['at once', ...moments] as const) {
      const { id } = await user.connected()
      await settle(told)
      const fault = google.fault('revoke', { hang: true, when: moment === 'before its answer' ? 'after' : 'before' })
      const arrived = google.arrival('revoke')
      if (typeof moment === 'number' || moment === 'after the answer') fault.release()
      let answered: Promise<{ statusCode: number }> | undefined
      const status = await told.killed(
        await told.boot(),
        at => {
          answered = at.fetch(`/connections/${id}`, 'DELETE')
          return answered
        },
        async () => {
          if (typeof moment === 'number') await turns(moment * 3)
          else if (moment === 'after the answer') await answered
          else if (moment !== 'at once') await arrived
        }
      )
      fault.release()
      fault.remove()
      const read = await user.fetch(`/connections/${id}/gmail/profile`)
      outcomes.add(String(read.statusCode))
      if (status !== undefined) t.equal(status, 200)
      if (status === 200 || moment === 'before Google acts' || moment === 'before its answer')
        isProblem(t, read, 404, 'not_found')
      await settle(told)
      if (read.statusCode === 200) {
        const stored = await collectionsOf(app).connections.findOne({ _id: new ObjectId(id) })
        t.match(stored, { live: true, pendingRevocation: null, deadReason: null }, `killed ${moment}: wholly there`)
        await isTold(t, told, id, ['connection.connected'])
        t.match((await user.fetch(`/connections/${id}`, 'DELETE')).json(), { revoked: 'confirmed' })
        await settle(told)
      } else isProblem(t, read, 404, 'not_found')
      t.same(google.ledger.of('refresh_token', { sub: ada, alive: true }), [], `killed ${moment}: revoked in the end`)
      await isTold(t, told, id, ['connection.connected', 'connection.disconnected'])
      t.equal(await collectionsOf(app).connections.countDocuments(), 0)
    }
    t.ok(outcomes.has('404'), [...outcomes].join())
    t.same(google.violations, [])
  }
)

t.test('[R30] revoking › kill -9 during the call, and a reconnect meanwhile › shown as revoked', async t => {
  const told = await tell(t)
  const { google, user, clock } = told
  const { id } = await user.connected()
  const callback = await user.authorize('/connect/gmail')
  // Its boot must not count as time that Google takes.
  const server = await told.boot()
  // The new tokens are made; then the old connection's revocation takes them along, and its caller dies.
  const { promise: exchanged, resolve } = Promise.withResolvers<void>()
  google.fault('token', { delayUntil: exchanged })
  const exchanging = google.arrival('token')
  const connecting = user.fetch(callback)
  await exchanging
  google.fault('revoke', { hang: true, when: 'after' })
  const revoking = google.arrival('revoke')
  await told.killed(
    server,
    at => at.fetch(`/connections/${id}`, 'DELETE'),
    async () => {
      await revoking
      await turns(20)
    }
  )
  // Past any lease of the dead process, whose own clock went on while this one stood still.
  clock.advance(60_000)
  resolve()
  isProblem(t, await connecting, 409, 'needs_reconnect')
  t.match((await user.fetch('/connections')).json(), {
    connections: [{ status: 'needs_reconnect', reason: 'revoked' }]
  })
})
