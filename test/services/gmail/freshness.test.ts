import t, { type Test } from 'tap'
import { build, collectionsOf } from '../../helper.ts'

const day = 86_400

/** A backend that vends tokens of Ada's connection, whose token was given at the clock's present moment. */
async function backend(t: Test) {
  const world = await build(t)
  const connection = await (await world.signedIn()).connected()
  const { key } = await world.app.backendKeys.create({
    name: 'b',
    operations: ['tokens:vend'],
    services: null,
    expiresAt: null
  })
  const vend = (payload?: object) =>
    world.app.inject({
      method: 'POST',
      url: `/v1/connections/${connection.id}/token`,
      headers: { authorization: `Bearer ${key}` },
      ...(payload && { payload })
    })
  return { ...world, connection, vend, advanceSeconds: (seconds: number) => world.clock.advance(seconds * 1000) }
}

t.test('[R75] fresh tokens › 61 seconds are enough, 59 are not', async t => {
  const { google, vend, advanceSeconds } = await backend(t)
  const first = (await vend()).json()
  t.ok(first.expires_in <= 3599 && first.expires_in > 3500)
  advanceSeconds(3599 - 61)
  const late = (await vend()).json()
  t.equal(late.access_token, first.access_token)
  t.ok(late.expires_in <= 61 && late.expires_in >= 60)
  t.equal(google.calls('token'), 2, 'sign-in and connecting, no refresh')
  advanceSeconds(2)
  const next = (await vend()).json()
  t.not(next.access_token, first.access_token)
  t.equal(google.calls('token'), 3)
  t.ok(next.expires_in > 3500)
})

t.test('[R75] fresh tokens › what is asked for decides, up to 3000 seconds', async t => {
  const { google, vend, advanceSeconds } = await backend(t)
  const first = (await vend()).json().access_token
  advanceSeconds(3599 - 302)
  t.equal((await vend({ minTtlSeconds: 300 })).json().access_token, first)
  advanceSeconds(4)
  t.equal((await vend({ minTtlSeconds: 0 })).json().access_token, first, 'whoever asks for less is served the old one')
  const refreshed = (await vend({ minTtlSeconds: 300 })).json()
  t.not(refreshed.access_token, first)
  t.ok(refreshed.expires_in >= 300)
  const calls = google.calls('token')
  for (const minTtlSeconds of [3001, -1, 1.5, '300', null, {}, [300], 1e20]) {
    const response = await vend({ minTtlSeconds })
    t.equal(response.statusCode, 400, JSON.stringify(minTtlSeconds))
  }
  t.equal((await vend({ minTtlSeconds: 3000 })).statusCode, 200)
  t.equal(google.calls('token'), calls)
})

t.test('[R75] fresh tokens › what Google gives is served as it is, even if it is less than was asked', async t => {
  const { google, vend, advanceSeconds } = await backend(t)
  google.accessTokenLifetimeSeconds = 200
  advanceSeconds(3599)
  const short = await vend({ minTtlSeconds: 300 })
  t.equal(short.statusCode, 200)
  t.ok(short.json().expires_in <= 200)
})

t.test('[R75] fresh tokens › a life counts from when it was asked for, not from when the answer came', async t => {
  const { google, vend, clock, advanceSeconds } = await backend(t)
  advanceSeconds(3600)
  const { promise, resolve } = Promise.withResolvers<void>()
  google.fault('token', { delayUntil: promise })
  const arrived = google.arrival('token')
  const vending = vend()
  await arrived
  clock.advance(8_000)
  resolve()
  const { expires_in } = (await vending).json()
  t.ok(expires_in <= 3599 - 8, `${expires_in} s`)
})

t.test('[R74][R75] fresh tokens › answers that are odd but good, over the whole way', async t => {
  const { google, vend, advanceSeconds } = await backend(t)
  const cases: [Record<string, unknown>, number][] = [
    [{ token_type: 'BEARER' }, 3599],
    [{ expires_in: '3600' }, 3600],
    [{ expires_in: 1e12 }, day],
    [{ expires_in: undefined }, 60],
    [{ extra: { deep: true } }, 3599],
    [{ scope: undefined }, 3599]
  ]
  for (const [change, atMost] of cases) {
    advanceSeconds(day + 1)
    google.fault('token', { mutate: json => ({ ...json, ...change }) })
    const response = await vend()
    t.equal(response.statusCode, 200, JSON.stringify(change))
    t.ok(response.json().expires_in <= atMost && response.json().expires_in > atMost - 10, JSON.stringify(change))
    t.equal(response.json().token_type, 'Bearer')
  }
  t.same(google.violations, [])
})

t.test('[R74] fresh tokens › answers that are none are 502 with a wait, and change nothing', async t => {
  const { google, vend, connection, app, advanceSeconds } = await backend(t)
  advanceSeconds(3600)
  const stored = () =>
    collectionsOf(app).connections.findOne({}, { projection: { lease: 0, cooldownUntil: 0, outbox: 0 } })
  const before = await stored()
  for (const change of [
    { access_token: 12 },
    { access_token: '' },
    { access_token: undefined },
    { token_type: 'mac' },
    { expires_in: 0 },
    { expires_in: -1 },
    { expires_in: null },
    { refresh_token: 12 },
    { scope: 12 }
  ]) {
    google.fault('token', { mutate: json => ({ ...json, ...change }) })
    const response = await vend()
    t.equal(response.statusCode, 502, JSON.stringify(change))
    t.equal(response.json().code, 'google_invalid_response')
    t.ok(Number(response.headers['retry-after']) >= 1)
    t.same(await stored(), before)
    // Past the pause that follows a failure.
    advanceSeconds(60)
  }
  const good = await vend()
  t.equal(good.statusCode, 200)
  t.equal(google.ledger.canOpen(good.json().access_token), connection.account.sub)
})
