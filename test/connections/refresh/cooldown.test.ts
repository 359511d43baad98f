import t from 'tap'
import { isProblem, problemOf } from '../../helper.ts'
import { tell } from './story.ts'

t.test('[R72] cooldown › Google is down for a minute, 50 callers a second at 2 replicas › 5 calls at most', async t => {
  const { app, replica, google, clock, expire, vend, refreshes } = await tell(t)
  const replicas = [app, await replica()]
  expire()
  google.fault('token', { status: 500 }, Number.POSITIVE_INFINITY)
  for (let second = 0; second < 60; second++) {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => vend({}, replicas[n % 2])))
    const waits = answers.map(answer => {
      if (answer.statusCode !== 503) t.fail(`${answer.statusCode} ${answer.body}`)
      return Number(answer.headers['retry-after'])
    })
    t.ok(Math.min(...waits) >= 1 && Math.max(...waits) <= 30, `Retry-After in second ${second}`)
    clock.advance(1000)
  }
  // Each failure is followed by 15 to 30 seconds without a call.
  t.ok(refreshes() >= 2 && refreshes() <= 5, `${refreshes()} calls`)

  google.clearFaults()
  const before = refreshes()
  let seconds = 0
  for (; (await vend()).statusCode !== 200 && seconds < 60; seconds++) clock.advance(1000)
  t.ok(seconds <= 30, `well again after ${seconds} s`)
  t.equal(refreshes(), before + 1)
})

t.test('[R72] cooldown › two connections › one does not delay the other', async t => {
  const { google, connection, backend, expire, signedIn, vend } = await tell(t)
  const bob = await (await signedIn('bob@example.com')).connected({ as: 'bob@example.com' })
  expire()
  google.refuseRefresh(connection.account.sub, { status: 500 })
  isProblem(t, await vend(), 503, 'google_unavailable')
  t.equal((await backend.vend(bob.id)).statusCode, 200)
})

t.test('[R72] cooldown › has a random length after each failure', async t => {
  const { google, clock, vend, expire } = await tell(t)
  google.fault('token', { status: 500 }, Number.POSITIVE_INFINITY)
  expire()
  const waits = new Set<number | undefined>()
  for (let failure = 0; failure < 20; failure++) {
    waits.add(problemOf(await vend()).retryAfterSeconds)
    clock.advance(30_000)
  }
  t.ok(waits.size > 2, [...waits].join())
  t.ok([...waits].every(wait => wait !== undefined && wait >= 15 && wait <= 30))
})

for (const [retryAfter, expected] of [
  ['7', 7],
  ['120', 120],
  ['99999', 120],
  ['0', 1],
  ['date', 90]
] as const) {
  t.test(`[F21] cooldown › 429 with Retry-After ${retryAfter} › no call before`, async t => {
    const { app, replica, google, clock, vend, expire, refreshes } = await tell(t)
    const replicas = [app, await replica()]
    expire()
    const header = retryAfter === 'date' ? new Date(clock.nowMs() + 90_000).toUTCString() : retryAfter
    google.fault('token', { status: 429, body: { error: 'rate_limit' }, headers: { 'retry-after': header } })
    const answer = await vend()
    isProblem(t, answer, 503, 'google_unavailable')
    const { retryAfterSeconds = 0 } = problemOf(answer)
    t.ok(retryAfterSeconds <= expected && retryAfterSeconds >= expected - 1, `Retry-After: ${retryAfterSeconds}`)
    for (const at of replicas) {
      clock.advance((retryAfterSeconds * 1000) / 2 - 1)
      const { headers, statusCode } = await vend({}, at)
      t.equal(statusCode, 503)
      t.ok(Number(headers['retry-after']) <= Math.ceil(retryAfterSeconds / 2) + 1)
    }
    t.equal(refreshes(), 1)
    clock.advance(2)
    t.equal((await vend()).statusCode, 200)
    t.equal(refreshes(), 2)
  })
}

t.test('[R72] cooldown › the user reconnects › the cooldown ends', async t => {
  const { google, ada, vend, expire } = await tell(t)
  expire()
  google.fault('token', { status: 503 })
  isProblem(t, await vend(), 503, 'google_unavailable')
  await ada.connected()
  t.equal((await vend()).statusCode, 200)
  expire()
  t.equal((await vend()).statusCode, 200)
})
