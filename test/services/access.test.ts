import t, { type Test } from 'tap'
import { tell } from '../connections/refresh/story.ts'
import { isProblem } from '../helper.ts'

/** Far below the time-out of one call to Google: an answer within it was limited by the request's remaining time. */
const soonMs = 5_000

/** A user with a connection to each service, at a Google whose calls use up the time of the request that they are for. */
async function tellOfSlowness(t: Test) {
  const story = await tell(t)
  const { google, clock, ada, connection } = story
  const calendar = (await ada.connect(undefined, '/connect/calendar')).json().connection
  return {
    ...story,
    /** Its next answer is correct but takes that long. */
    slow: (endpoint: 'gmail' | 'calendar' | 'token', ms: number) =>
      google.fault(endpoint, { delayUntil: async () => clock.advance(ms) }),
    routes: [
      ['gmail', `/connections/${connection.id}/gmail/profile`],
      ['gmail', `/connections/${connection.id}/gmail/messages`],
      ['calendar', `/connections/${calendar.id}/calendar/calendars`]
    ] as const,
    async isUnavailable(url: string) {
      const startedAtMs = performance.now()
      const answer = await ada.fetch(url)
      isProblem(t, answer, 503, 'google_unavailable')
      t.match(answer.headers['retry-after'], /^[1-9]/)
      t.ok(performance.now() - startedAtMs < soonMs, `${url} is answered within the request's time`)
    }
  }
}

t.test('[R73] slow Google › the refresh after a 401 hangs › google_unavailable, and the new token is kept', async t => {
  const { google, routes, slow, isUnavailable, ada, refreshes } = await tellOfSlowness(t)
  for (const [service, url] of routes) {
    google.expireAccessTokens('ada@example.com')
    const before = refreshes()
    slow(service, 23_950)
    const { release } = google.fault('token', { hang: true })
    await isUnavailable(url)
    release()
    t.equal((await ada.fetch(url)).statusCode, 200)
    t.equal(refreshes() - before, 1, 'the refresh went on and served the next request')
  }
})

t.test('[R73] slow Google › the call after a refresh hangs › google_unavailable', async t => {
  const { google, routes, slow, isUnavailable } = await tellOfSlowness(t)
  for (const [service, url] of routes) {
    google.expireAccessTokens('ada@example.com')
    slow(service, 9_900)
    slow('token', 14_050)
    const { release } = google.fault(service, { hang: true })
    await isUnavailable(url)
    release()
  }
})

t.test('[R73] slow Google › the refresh before the first call hangs › google_unavailable', async t => {
  const { google, app, expire, stored, refreshes } = await tellOfSlowness(t)
  expire()
  const { release } = google.fault('token', { hang: true })
  const record = await stored()
  await t.rejects(app.liveTokens(record, { patienceMs: 50 }), { code: 'google_unavailable' })
  release()
  await app.liveTokens(await stored())
  t.equal(refreshes(), 1, 'the refresh went on and served the next caller')
})

t.test('[R73] slow Google › a token is still valid › it is served with its remaining life', async t => {
  const { google, app, clock, stored } = await tellOfSlowness(t)
  clock.advance(3_000_000)
  const { release } = google.fault('token', { hang: true })
  const { expiresInSeconds } = await app.liveTokens(await stored(), { minTtlSeconds: 3000, patienceMs: 50 })
  t.ok(expiresInSeconds > 0 && expiresInSeconds < 3000)
  release()
})
