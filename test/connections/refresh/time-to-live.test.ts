import t from 'tap'
import { isProblem } from '../../helper.ts'
import { tell } from './story.ts'

/** A story whose access token has exactly that long to live. */
async function withLeft(...[t, seconds]: [Parameters<typeof tell>[0], number]) {
  const story = await tell(t)
  story.clock.advance((story.google.accessTokenLifetimeSeconds - seconds) * 1000)
  return story
}

t.test('[R75] vend › every mix of life left and life asked for › refreshed only when needed', async t => {
  const { google, clock, vend, expire, refreshes, connection } = await tell(t)
  for (const [left, minTtlSeconds, isRefreshed] of [
    [61, undefined, false],
    [60, undefined, false],
    [59, undefined, true],
    [61, 0, false],
    [59, 0, true],
    [59, 30, true],
    [301, 300, false],
    [300, 300, false],
    [299, 300, true],
    [3000, 3000, false],
    [2999, 3000, true]
  ] as const) {
    expire()
    t.equal((await vend()).statusCode, 200)
    const before = refreshes()
    clock.advance((google.accessTokenLifetimeSeconds - left) * 1000)
    const answer = await vend(minTtlSeconds === undefined ? undefined : { minTtlSeconds })
    const what = `${left} s left, ${minTtlSeconds ?? 'none'} asked`
    t.equal(answer.statusCode, 200, what)
    t.equal(refreshes() - before, isRefreshed ? 1 : 0, what)
    t.equal(answer.json().expires_in, isRefreshed ? google.accessTokenLifetimeSeconds : left, what)
    t.equal(google.ledger.canOpen(answer.json().access_token), connection.account.sub, what)
  }
})

t.test('[R75] vend › more than 3000 s are asked for › refused', async t => {
  const { vend, refreshes } = await withLeft(t, 10)
  for (const minTtlSeconds of [3001, -1, 1.5, '300', null, {}, [300], 1e20])
    isProblem(t, await vend({ minTtlSeconds } as object), 400, 'invalid_request')
  t.equal(refreshes(), 0)
})

t.test('[R75] vend › Google answers slowly › the life is counted from the request', async t => {
  const { google, clock, vend, expire } = await tell(t)
  expire()
  const answered = Promise.withResolvers<void>()
  google.fault('token', { delayUntil: answered.promise })
  const arrived = google.arrival('token')
  const vending = vend()
  await arrived
  clock.advance(7_500)
  answered.resolve()
  const { access_token, expires_in } = (await vending).json()
  t.ok(expires_in <= google.accessTokenLifetimeSeconds - 7.5, `${expires_in} is no more than what is left`)
  clock.advance(expires_in * 1000)
  t.ok(google.ledger.canOpen(access_token), 'it opens for as long as was said')
})

t.test('[R75] vend › half seconds › the remaining life is rounded down', async t => {
  const { google, clock, vend } = await withLeft(t, 100)
  for (let ms = 0; ms < 3000; ms += 370) {
    const { access_token, expires_in } = (await vend()).json()
    const entry = google.ledger.of('access_token', { alive: true }).find(({ value }) => value === access_token)
    const trueRestMs = (entry?.issuedAtMs ?? 0) + google.accessTokenLifetimeSeconds * 1000 - clock.nowMs()
    t.ok(expires_in * 1000 <= trueRestMs, `${expires_in} s of ${trueRestMs} ms`)
    t.ok(expires_in >= 60)
    clock.advance(370)
  }
})

t.test('[R75] vend › Google’s token lives shorter than asked › served as it is, one refresh a vend', async t => {
  const { google, vend, expire, refreshes } = await tell(t)
  expire()
  google.accessTokenLifetimeSeconds = 200
  t.equal((await vend({ minTtlSeconds: 3000 })).json().expires_in, 200)
  t.equal(refreshes(), 1)
  t.equal((await vend()).json().expires_in, 200)
  t.equal(refreshes(), 1, 'enough for who asks for no more')
  google.accessTokenLifetimeSeconds = 30
  t.equal((await vend({ minTtlSeconds: 300 })).json().expires_in, 30, 'even below the floor')
})

t.test('[R75] Gmail › 59 s left › a fresh token is used', async t => {
  const { google, ada, connection, refreshes } = await withLeft(t, 59)
  t.equal((await ada.fetch(`/connections/${connection.id}/gmail/messages`)).statusCode, 200)
  t.equal(refreshes(), 1)
  const used = google.requestsTo('gmail')[0]?.headers.authorization
  t.equal(used, `Bearer ${google.ledger.of('access_token').at(-1)?.value}`)
})
