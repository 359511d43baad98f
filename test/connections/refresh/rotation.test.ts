import { MongoNetworkError } from 'mongodb'
import t from 'tap'
import { collectionsOf, isProblem } from '../../helper.ts'
import { refreshesAt, tell } from './story.ts'

for (const [name, refresh_token] of [
  ['absent', undefined],
  ['empty', ''],
  ['null', null]
] as const) {
  t.test(`[R68] [F25] refresh › refresh_token ${name} › the stored one is kept and used again`, async t => {
    const { google, expire, vend, stored } = await tell(t)
    const before = await stored()
    google.fault('token', { mutate: json => ({ ...json, refresh_token }) }, 2)
    for (let round = 0; round < 2; round++) {
      expire()
      t.equal((await vend()).statusCode, 200)
      t.equal((await stored()).refreshToken, before.refreshToken)
    }
    const [first, second] = refreshesAt(google)
    t.equal(second, first)
    t.equal(google.ledger.of('refresh_token').length, 1)
  })
}

t.test('[F26] refresh › Google rotates the refresh token › each one is used once, and the newest is kept', async t => {
  const { app, replica, google, expire, vend, events, connection } = await tell(t)
  const replicas = [app, await replica()]
  google.rotateRefreshTokens = true
  for (let round = 0; round < 6; round++) {
    expire()
    const answer = await vend({}, replicas[round % 2])
    t.equal(answer.statusCode, 200)
    t.equal(google.ledger.canOpen(answer.json().access_token), connection.account.sub)
  }
  const issued = google.ledger.of('refresh_token').map(({ value }) => value)
  t.same(refreshesAt(google), issued.slice(0, -1))
  t.equal(google.ledger.of('refresh_token', { alive: true }).length, 1)
  t.same(await events(), ['connection.connected'], 'nothing that others need to know')
  t.same(google.violations, [])
})

t.test('[F26] refresh › Google rotates, and announces another expiry › it is the one that counts', async t => {
  const { google, ada, clock, expire, vend, stored, events } = await tell(t)
  google.rotateRefreshTokens = true
  google.refreshTokenLifetimeSeconds = 86_400
  await ada.connected()
  t.same(await events(), ['connection.connected', 'connection.connected', 'connection.expiring'])
  google.fault('token', { mutate: json => ({ ...json, refresh_token_expires_in: 604_800 }) })
  expire()
  await vend()
  t.equal((await stored()).refreshTokenExpiresAt?.getTime(), clock.nowMs() + 604_800_000)
})

t.test('[R69] refresh › an expiry warning is written while Google rotates › the new token is kept', async t => {
  const { google, ada, expire, vend, events, stored, clock } = await tell(t)
  google.rotateRefreshTokens = true
  google.refreshTokenLifetimeSeconds = 48 * 3600 + google.accessTokenLifetimeSeconds + 3
  await ada.connected()
  expire()
  const { release } = google.fault('token', { hang: true, when: 'after' })
  const arrived = google.arrival('token')
  const vending = vend()
  await arrived
  // The end of the grant comes near right while the answer with the new token is on its way.
  clock.advance(5_000)
  t.same((await events()).at(-1), 'connection.expiring')
  release()
  t.equal((await vending).statusCode, 200)
  t.equal((await stored()).lease, null)
  expire()
  t.equal((await vend()).statusCode, 200, 'the token that Google gave last is the one that is used')
})

t.test('[R69] refresh › a reconnect without a refresh token meanwhile › the rotated token is kept', async t => {
  const { app, google, ada, connection, expire, vend, stored } = await tell(t)
  google.rotateRefreshTokens = true
  expire()
  const callback = await ada.authorize(`/connect/gmail?connectionId=${connection.id}`, { withoutRefreshToken: true })
  const { release } = google.fault('token', { hang: true, when: 'after' })
  const arrived = google.arrival('token')
  const vending = vend()
  await arrived
  t.equal((await ada.fetch(callback)).statusCode, 200)
  // And the old one is resealed: the envelope is another, what is inside is not.
  const { _id, userId, refreshToken } = await stored()
  const context = { owner: userId.toHexString(), record: _id.toHexString(), field: 'refreshToken' }
  const resealed = app.vault.seal(app.vault.open(refreshToken, context), context)
  await collectionsOf(app).connections.updateOne({ _id }, { $set: { refreshToken: resealed } })
  release()
  t.equal((await vending).statusCode, 200)
  for (let round = 0; round < 2; round++) {
    expire()
    t.equal((await vend()).statusCode, 200)
  }
  t.equal(refreshesAt(google).at(-1), google.ledger.of('refresh_token').at(-2)?.value, 'always the newest')
})

t.test('[R69] refresh › an expiry warning is written before it › the refresh goes on', async t => {
  const { app, google, ada, backend, connection, clock, stored, events } = await tell(t)
  google.refreshTokenLifetimeSeconds = 200_000
  await ada.connected()
  const liveToken = app.liveTokens
  const read = await stored()
  clock.advance(100_000_000)
  t.same((await events()).at(-1), 'connection.expiring')
  t.equal((await liveToken(read)).connection._id.toHexString(), connection.id)
  t.equal((await backend.vend(connection.id)).statusCode, 200)
})

t.test(
  '[R66] refresh › disconnected while Google answers › nothing is vended, and the new token is revoked',
  async t => {
    const { app, google, ada, connection, expire, vend, stored } = await tell(t)
    google.rotateRefreshTokens = true
    expire()
    const { release } = google.fault('token', { hang: true, when: 'after' })
    const arrived = google.arrival('token')
    const vending = vend()
    await arrived
    // Google cannot be told now: the revocation waits with the old token, which rotation has killed.
    google.fault('revoke', { status: 503 })
    t.equal((await ada.fetch(`/connections/${connection.id}`, 'DELETE')).json().revoked, 'pending')
    release()
    isProblem(t, await vending, 404, 'not_found')
    isProblem(t, await vend(), 404, 'not_found')
    await app.background.run()
    await app.background.run()
    t.same(google.ledger.of('refresh_token', { alive: true }), [], 'no token of it lives on')
    t.same(google.ledger.of('access_token', { sub: connection.account.sub, alive: true }), [])
    await t.rejects(stored())
  }
)

t.test(
  '[R69] rotation › the database refuses the first write › the new refresh token is kept all the same',
  async t => {
    const { app, google, expire, vend } = await tell(t)
    google.rotateRefreshTokens = true
    expire()
    const { connections } = collectionsOf(app)
    const write = connections.findOneAndUpdate.bind(connections)
    let writes = 0
    t.intercept(connections, 'findOneAndUpdate', {
      value: (...args: Parameters<typeof write>) =>
        [2, 3].includes(++writes) ? Promise.reject(new MongoNetworkError('reset')) : write(...args)
    })
    t.equal((await vend()).statusCode, 200)
    t.ok(writes >= 4)
    expire()
    t.equal((await vend()).statusCode, 200)
    t.same(google.violations, [])
  }
)

t.test('[R69] expiring › one event for each announced expiry, however often the token rotates', async t => {
  const { google, ada, expire, vend, events, clock } = await tell(t)
  const warnings = async () => (await events()).filter(type => type === 'connection.expiring').length
  google.rotateRefreshTokens = true
  google.refreshTokenLifetimeSeconds = 100_000
  await ada.connected()
  for (let round = 0; round < 3; round++) {
    expire()
    await vend()
    t.equal(await warnings(), 1)
  }
  google.fault('token', { mutate: json => ({ ...json, refresh_token_expires_in: 604_800 }) })
  expire()
  await vend()
  t.equal(await warnings(), 1)
  clock.advance((604_800 - 100_000) * 1000)
  t.equal(await warnings(), 2, 'the new end')
})
