import t from 'tap'
import { collectionsOf, isProblem } from '../../helper.ts'
import { isTold, moments, settle, tell, turns } from '../../killed.ts'

const ada = '100000000000000000001'
/** Between the store and the answer lie a few reads: the kill is hardly ever too late for it, and never three times. */
const stored = Array<'once it is stored'>(3).fill('once it is stored')

t.test('[F33][F34][R91] connect › kill -9 at each moment › no false success, and an event for each change', async t => {
  const told = await tell(t)
  const { google, user, app, receiver } = told
  // By their ids: an old event may come again, where the process that sent it was killed.
  const events = async () => [(await app.events.after(0, 1000)).length, new Set(receiver.ids()).size]
  let orphans = 0
  let unanswered = 0
  for (const moment of [...moments, ...stored]) {
    const before = await events()
    const callback = await user.authorize('/connect/gmail')
    const { release } = google.fault('token', {
      hang: true,
      when: moment === 'before Google acts' ? 'before' : 'after'
    })
    const arrived = google.arrival('token')
    let answered: Promise<{ statusCode: number }> | undefined
    const status = await told.killed(
      await told.boot(),
      at => {
        answered = at.fetch(callback)
        return answered
      },
      async () => {
        await arrived
        if (moment !== 'before Google acts' && moment !== 'before its answer') release()
        if (typeof moment === 'number') await turns(moment)
        if (moment === 'after the answer') await answered
        if (moment === 'once it is stored') while (!(await collectionsOf(app).connections.findOne({ live: true })));
      }
    )
    release()
    await settle(told)
    const { connections } = (await user.fetch('/connections')).json()
    const [connection] = connections
    if (status !== undefined) t.equal(status, 200)
    if (moment === 'after the answer') t.equal(status, 200)
    if (moment === 'before Google acts' || moment === 'before its answer') t.same(connections, [])
    if (status === 200) t.ok(connection, `killed ${moment}: what was answered is stored`)
    const again = await user.fetch(callback)
    if (again.statusCode === 200) t.equal(again.json().connection.id, connection?.id, 'the same answer')
    else isProblem(t, again, 400, 'flow_used')

    if (connection) {
      if (status === undefined) unanswered += 1
      t.equal((await user.fetch(`/connections/${connection.id}/gmail/profile`)).statusCode, 200, 'it opens and works')
      await isTold(t, told, connection.id, ['connection.connected'])
    } else {
      t.same(await events(), before, `killed ${moment}: nothing happened, and nothing is told`)
      orphans += google.ledger.of('refresh_token', { sub: ada, alive: true }).length > 0 ? 1 : 0
    }
    const healed = await user.connected()
    t.equal((await user.fetch(`/connections/${healed.id}/gmail/profile`)).statusCode, 200)
    t.match((await user.fetch(`/connections/${healed.id}`, 'DELETE')).json(), { revoked: 'confirmed' })
    t.same(google.ledger.of('refresh_token', { sub: ada, alive: true }), [], 'an orphan goes with the next disconnect')
    await settle(told)
  }
  t.ok(orphans >= 1, `${orphans} grants were made that nobody stored`)
  t.ok(unanswered >= 1, `${unanswered} connections were stored and never answered`)
  t.equal(await collectionsOf(app).connections.countDocuments(), 0)
  t.same(google.violations, [])
})
