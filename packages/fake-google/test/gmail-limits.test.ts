import t from 'tap'
import { startGmail } from './gmail-story.ts'
import { createClock } from './story.ts'

t.test('units › counted over a sliding minute for each user, with the time it frees up', async t => {
  const clock = createClock()
  const { call, google } = await startGmail(t, { nowMs: clock.nowMs })
  google.usage.limits.unitsPerUser = 10
  t.equal((await call('messages')).status, 200)
  clock.advanceSeconds(30)
  t.equal((await call('messages')).status, 200)
  const refused = await call('profile')
  t.match(refused, { status: 403, body: { error: { errors: [{ reason: 'userRateLimitExceeded' }] } } })
  const { message } = refused.body.error as { message: string }
  const until = new Date(clock.nowMs() + 30_000).toISOString()
  t.equal(message, `User-rate limit exceeded.  Retry after ${until}`)
  clock.advanceSeconds(30)
  t.equal((await call('messages')).status, 200, 'the first one is a minute old')
  t.match(google.usage.calls, [
    { method: 'messages.list', account: 'ada@example.com', units: 5 },
    { units: 5 },
    { method: 'getProfile', refused: 'userRateLimitExceeded' },
    { units: 5 }
  ])
  t.equal(google.usage.unitsInLastMinute('ada@example.com'), 10)
  t.equal(google.usage.mostUnitsInAMinute(), 10)
  t.equal(google.usage.count('messages.list'), 3)
  google.usage.limits.unitsPerProject = 10
  google.usage.limits.unitsPerUser = 1000
  t.match(await call('profile'), { status: 403, body: { error: { errors: [{ reason: 'rateLimitExceeded' }] } } })
})

t.test('open calls › one more than the limit › 429, and the peak is reported', async t => {
  const { call, google } = await startGmail(t)
  google.usage.limits.openCallsPerUser = 6
  const gate = Promise.withResolvers<void>()
  google.fault('gmail', { delayUntil: gate.promise, when: 'after' }, 6)
  const arrived = google.arrival('gmail', 6)
  const calls = Array.from({ length: 6 }, () => call('profile'))
  await arrived
  const seventh = await call('profile')
  t.match(seventh, { status: 429, body: { error: { message: 'Too many concurrent requests for user' } } })
  gate.resolve()
  for (const { status } of await Promise.all(calls)) t.equal(status, 200)
  t.equal((await call('profile')).status, 200)
  t.equal(google.usage.mostOpenCalls('ada@example.com'), 7)
  t.equal(google.usage.mostOpenCalls('bob@example.com'), 0)
})

t.test('account › without a mailbox, or in a project without the API › Google’s errors', async t => {
  const { call, google, gmail } = await startGmail(t)
  gmail.hasMailbox = false
  const none = await call('profile')
  t.match(none, {
    status: 400,
    body: { error: { errors: [{ reason: 'failedPrecondition' }], status: 'FAILED_PRECONDITION' } }
  })
  for (const [state, details] of [
    ['disabled', [{ reason: 'SERVICE_DISABLED', metadata: { service: 'gmail.googleapis.com' } }]],
    ['disabled-as-before', undefined]
  ] as const) {
    google.gmailApi = state
    const refused = await call('profile')
    const message = /^Gmail API has not been used in project \d+ before or it is disabled\./
    t.match(refused, {
      status: 403,
      body: { error: { message, errors: [{ reason: 'accessNotConfigured' }], details } }
    })
  }
  t.same(google.violations, [])
})
