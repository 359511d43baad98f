import t from 'tap'
import { Agent } from 'undici'
import { createBackend } from '../../backend/backend.ts'
import { build } from '../../helper.ts'

// Small, for every run; experiments/isolation.ts makes a million vends.
const users = 98
const vendsEach = 10

/** Some turns of the event loop: a delay of no fixed length, and without a timer. */
async function someTurns(): Promise<void> {
  for (let turns = Math.floor(Math.random() * 40); turns > 0; turns--) {
    await new Promise(resolve => setImmediate(resolve))
  }
}

t.test(
  `[R65] isolation › ${users} users, ${vendsEach} vends each at once, at expiry › none gets another's token`,
  async t => {
    const world = await build(t, { environment: { RATE_LIMIT_KEY: '0' } })
    const { app, google, clock, browser, replica } = world
    const subOf = new Map<string, string>()
    for (let n = 0; n < users; n++) {
      const sub = `2${String(n).padStart(20, '0')}`
      google.addUser({ sub, email: `user${n}@example.net`, name: `User ${n}` })
      const one = browser()
      await one.signIn(sub)
      const { id, account } = await one.connected({ as: sub })
      subOf.set(id, account.sub)
    }
    t.equal(subOf.size, users)
    const { key } = await createBackend(app)
    const urls = await Promise.all([app, await replica()].map(one => one.listen({ host: '127.0.0.1', port: 0 })))
    // A load test: over sockets, and not more of them than a small machine has.
    const dispatcher = new Agent({ connections: 100 })
    t.teardown(() => dispatcher.destroy())
    clock.advance(google.accessTokenLifetimeSeconds * 1000)
    google.fault('token', { delayUntil: someTurns }, Number.POSITIVE_INFINITY)

    const headers = { authorization: `Bearer ${key}` }
    // Seven users after the other seven: many callers of each at both, and no more refreshes at once than a small
    // machine ends in time.
    const ids = [...subOf.keys()]
    const asked = ids.flatMap((_, first) =>
      first % 7 === 0 ? Array.from({ length: vendsEach }, () => ids.slice(first, first + 7)).flat() : []
    )
    let crossed = 0
    let wrong = 0
    await Promise.all(
      asked.map(async (id, n) => {
        const url = `${urls[n % urls.length]}/v1/connections/${id}/token`
        await someTurns()
        const { statusCode, body } = await dispatcher.request({ ...toTarget(url), method: 'POST', headers })
        const { access_token } = (await body.json()) as { access_token: string }
        if (statusCode !== 200) wrong += 1
        if (google.ledger.canOpen(access_token) !== subOf.get(id)) crossed += 1
      })
    )
    t.equal(asked.length, users * vendsEach)
    t.equal(wrong, 0)
    t.equal(crossed, 0)
    const refreshes = google.requestsTo('token').filter(({ body }) => body.includes('grant_type=refresh_token'))
    t.equal(refreshes.length, users, 'and each was refreshed once')
    t.same(google.violations, [])
  }
)

function toTarget(url: string): { origin: string; path: string } {
  const { origin, pathname: path } = new URL(url)
  return { origin, path }
}
