import t from 'tap'
import { collectionsOf, isProblem } from '../../helper.ts'
import { refreshesAt, type Story, tell } from './story.ts'

/** A vend whose refresh Google answers only once it is released; by then the lease has run out. */
async function outlasted({ app, google, clock, vend }: Story) {
  const { release } = google.fault('token', { hang: true, when: 'after' })
  const arrived = google.arrival('token')
  const slow = vend({}, app)
  await arrived
  clock.advance(20_000)
  return { slow, release }
}

t.test('[R66] lease › its holder is slower than the lease › the newer token is kept', async t => {
  const story = await tell(t)
  const { google, expire, vend, stored } = story
  const other = await story.replica()
  expire()
  const { slow, release } = await outlasted(story)
  const newer = await vend({}, other)
  t.equal(newer.statusCode, 200)
  const { version, accessToken } = await stored()
  release()
  t.equal((await slow).json().access_token, newer.json().access_token, 'the slow one serves it too')
  t.match(await stored(), { version, accessToken, lease: null })
  t.equal(refreshesAt(google).length, 2)
})

t.test('[R66] lease › the token that another replica refreshed has expired too › refreshed once more', async t => {
  const { app, expire, vend, stored, refreshes } = await tell(t)
  expire()
  // Read before the other's refresh, used long after it: as by a process that was stopped in between.
  const stale = await stored()
  t.equal((await vend()).statusCode, 200)
  expire()
  const { expiresInSeconds } = await app.liveTokens(stale)
  t.ok(expiresInSeconds > 3000)
  t.equal(refreshes(), 2)
})

t.test('[R66] lease › just before it expires › nobody else calls Google', async t => {
  const { app, replica, google, clock, expire, vend, refreshes } = await tell(t)
  const other = await replica()
  expire()
  const { release } = google.fault('token', { hang: true })
  const arrived = google.arrival('token')
  const holding = vend({}, app)
  await arrived
  clock.advance(19_900)
  const waiting = vend({}, other)
  // The other replica has looked, and looked again: its reads and attempts pass through the same database.
  for (let read = 0; read < 20; read++) await collectionsOf(other).connections.findOne({})
  t.equal(refreshes(), 1)
  release()
  t.same(new Set((await Promise.all([holding, waiting])).map(({ statusCode }) => statusCode)), new Set([200]))
  t.equal(refreshes(), 1)
})

t.test(
  '[R66] lease › a slow holder has the rotated token, the next got invalid_grant › the connection recovers',
  async t => {
    const story = await tell(t)
    const { google, expire, vend, stored, events } = story
    const other = await story.replica()
    google.rotateRefreshTokens = true
    expire()
    const { slow, release } = await outlasted(story)
    isProblem(t, await vend({}, other), 409, 'needs_reconnect')
    release()
    t.equal((await slow).statusCode, 200)
    t.match(await stored(), { deadReason: null, lease: null })
    expire()
    t.equal((await vend({}, other)).statusCode, 200)
    t.same(await events(), ['connection.connected', 'connection.needs_reconnect', 'connection.recovered'])
  }
)

t.test('[R66] lease › a slow holder, and the connection was reconnected and is dead again › stays dead', async t => {
  const story = await tell(t)
  const { google, ada, expire, vend, stored } = story
  const other = await story.replica()
  google.rotateRefreshTokens = true
  expire()
  const { slow, release } = await outlasted(story)
  await ada.connected()
  google.refuseRefresh('ada@example.com', {})
  google.refuseRefresh(google.user('ada@example.com').sub, {})
  expire()
  isProblem(t, await vend({}, other), 409, 'needs_reconnect')
  release()
  isProblem(t, await slow, 409, 'needs_reconnect')
  t.equal((await stored()).deadReason, 'revoked')
})

t.test('[R66] lease › the refresh under it fails › the lease is released', async t => {
  const { app, google, expire, vend, stored } = await tell(t)
  expire()
  const good = (await stored()).refreshToken
  const set = (refreshToken: string) => collectionsOf(app).connections.updateOne({}, { $set: { refreshToken } })
  await set(`${good.slice(0, -4)}AAAA`)
  isProblem(t, await vend(), 503, 'unsealable')
  t.equal((await stored()).lease, null)
  t.equal(google.calls('token'), 2, 'Google was not asked')
  await set(good)
  google.fault('token', { reset: true })
  isProblem(t, await vend(), 503, 'google_unavailable')
  t.equal((await stored()).lease, null)
})

t.test('[R64] single flight › Google had refused a caller the token that comes back › it gets another', async t => {
  const { app, replica, google, expire, vend, stored, refreshes } = await tell(t)
  const other = await replica()
  expire()
  const { release } = google.fault('token', { hang: true })
  const arrived = google.arrival('token')
  const holding = vend({}, other)
  await arrived
  const waiting = vend({}, app)
  for (let read = 0; read < 10; read++) await collectionsOf(app).connections.findOne({})
  release()
  const refused: string = (await holding).json().access_token
  // Gmail refuses the new token too, while this replica's flight still waits for it.
  google.expireAccessTokens('ada@example.com')
  const renewed = await app.liveTokens(await stored(), { refused })
  t.not(renewed.accessToken, refused)
  t.ok(google.ledger.canOpen(renewed.accessToken))
  t.equal((await waiting).statusCode, 200)
  t.equal(refreshes(), 2)
})

t.test('[R64] single flight › Google refuses the same token to 50 callers › one refresh', async t => {
  const { app, replica, google, ada, connection, refreshes } = await tell(t)
  const other = await replica()
  google.expireAccessTokens('ada@example.com')
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      ada.clone(n % 2 ? app : other).fetch(`/connections/${connection.id}/gmail/messages`)
    )
  )
  t.same(new Set(answers.map(({ statusCode }) => statusCode)), new Set([200]))
  t.equal(refreshes(), 1)
})
