import t from 'tap'
import { createBackend } from '../../backend/backend.ts'
import { build, isProblem } from '../../helper.ts'
import { captureLog } from '../../observability/capture.ts'

const scope = 'https://www.googleapis.com/auth/calendar.readonly'

const world = await build(t)
const { app, google } = world
const ada = await world.signedIn()
const { connection } = (await ada.connect(undefined, '/connect/calendar')).json()
const gmail = await ada.connected()
const backend = await createBackend(app)
const own = `/connections/${connection.id}/calendar`
google.user('ada@example.com').calendars = [
  {
    id: 'ada@example.com',
    summary: 'Ada',
    primary: true,
    events: [
      {
        id: 'tea',
        summary: 'Tea',
        start: { dateTime: '2026-11-29T15:00:00Z' },
        end: { dateTime: '2026-11-29T16:00:00Z' },
        attendees: [{ email: 'mary@example.org', responseStatus: 'accepted' }]
      },
      { id: 'day', summary: 'Holiday', start: { date: '2026-11-28' }, end: { date: '2026-11-29' } }
    ]
  },
  { id: 'en.uk#holiday@group.v.calendar.google.com', summary: 'Holidays', events: [] }
]

t.test('calendars › by session and by key › the same clean list', async t => {
  const answer = await ada.fetch(`${own}/calendars`)
  t.equal(answer.statusCode, 200, answer.body)
  t.same(answer.json(), {
    items: [
      {
        id: 'ada@example.com',
        summary: 'Ada',
        description: null,
        timeZone: 'UTC',
        primary: true,
        accessRole: 'owner'
      },
      {
        id: 'en.uk#holiday@group.v.calendar.google.com',
        summary: 'Holidays',
        description: null,
        timeZone: 'UTC',
        primary: false,
        accessRole: 'owner'
      }
    ],
    nextPageToken: null
  })
  t.same((await backend.fetch(`/v1${own}/calendars`)).json(), answer.json())
})

t.test('calendar events › between two times › in order of their start', async t => {
  const all = await ada.fetch(`${own}/calendars/primary/events`)
  t.same(
    all.json().items.map(({ id }: { id: string }) => id),
    ['day', 'tea']
  )
  const query = 'from=2026-11-29T10:00:00Z&to=2026-11-29T20:00:00%2B02:00'
  const some = await backend.fetch(`/v1${own}/calendars/ada%40example.com/events?${query}`)
  t.match(some.json(), {
    items: [
      {
        id: 'tea',
        start: { dateTime: '2026-11-29T15:00:00Z', date: null },
        attendees: [{ email: 'mary@example.org', responseStatus: 'accepted' }]
      }
    ],
    nextPageToken: null
  })
  t.equal(some.json().items.length, 1)
  const other = await ada.fetch(`${own}/calendars/en.uk%23holiday%40group.v.calendar.google.com/events`)
  t.same(other.json(), { items: [], nextPageToken: null })
})

t.test(
  'calendar › without session or key, another user’s, or of another service › refused before any call',
  async t => {
    const calls = google.calls('calendar')
    isProblem(t, await app.inject(`${own}/calendars`), 401, 'unauthenticated')
    isProblem(t, await app.inject(`/v1${own}/calendars`), 401, 'backend_key_invalid')
    const bob = await world.signedIn('bob@example.com')
    isProblem(t, await bob.fetch(`${own}/calendars`), 404, 'not_found')
    isProblem(t, await ada.fetch(`/connections/${gmail.id}/calendar/calendars`), 404, 'not_found')
    const mailer = await createBackend(app, { operations: ['gmail:read'] })
    isProblem(t, await mailer.fetch(`/v1${own}/calendars`), 403, 'forbidden')
    const narrowed = await createBackend(app, { services: ['gmail'] })
    isProblem(t, await narrowed.fetch(`/v1${own}/calendars`), 404, 'not_found')
    for (const bad of [
      'from=yesterday',
      'from=2026-11-29T10:00:00',
      'to=2026-11-01T00:00:00Z&from=2026-11-02T00:00:00Z',
      'q=x'
    ])
      isProblem(t, await ada.fetch(`${own}/calendars/primary/events?${bad}`), 400, 'invalid_request')
    for (const id of ['a%2Fb', '%2e%2e', '%2E', 'a%0db'])
      t.not((await ada.fetch(`${own}/calendars/${id}/events`)).statusCode, 200, id)
    t.equal(google.calls('calendar'), calls)
  }
)

t.test('calendar › a token that Google refuses › is refreshed once', async t => {
  google.expireAccessTokens('ada@example.com')
  const before = google.calls('calendar')
  t.equal((await ada.fetch(`${own}/calendars`)).statusCode, 200)
  t.equal(google.calls('calendar') - before, 2)
})

t.test("calendar › Google's errors › become guichet's", async t => {
  const answers: [number, unknown, number, string][] = [
    [403, { error: { errors: [{ reason: 'rateLimitExceeded' }] } }, 429, 'google_rate_limited'],
    [403, { error: { errors: [{ reason: 'accessNotConfigured' }] } }, 503, 'google_misconfigured'],
    [404, {}, 404, 'not_found'],
    [400, {}, 400, 'invalid_request'],
    [500, {}, 503, 'google_unavailable'],
    [200, [1], 502, 'google_invalid_response'],
    [401, {}, 409, 'needs_reconnect']
  ]
  for (const [status, body, expected, code] of answers) {
    google.fault('calendar', { status, body }, 2)
    isProblem(t, await ada.fetch(`${own}/calendars`), expected, code)
    google.clearFaults('calendar')
  }
})

t.test('calendar › its API is not enabled › the operator is told, in log and metric', async t => {
  const log = captureLog()
  const { app, google, signedIn } = await build(t, { logger: log.logger })
  const ada = await signedIn()
  const { connection } = (await ada.connect(undefined, '/connect/calendar')).json()
  const message = 'Google Calendar API has not been used in project 424242424242 before or it is disabled.'
  google.fault('calendar', { status: 403, body: { error: { code: 403, message, status: 'PERMISSION_DENIED' } } })
  isProblem(t, await ada.fetch(`/connections/${connection.id}/calendar/calendars`), 503, 'google_misconfigured')
  t.match(
    log.lines().find(({ event }) => event === 'google_misconfigured'),
    {
      project: '424242424242',
      api: 'calendar-json.googleapis.com'
    }
  )
  t.match(await app.metrics.text(), /^guichet_operator_faults_total 1$/m)
})

t.test('calendar › its scope is not granted › 403 before any call', async t => {
  google.narrow('ada@example.com', [])
  world.clock.advance(google.accessTokenLifetimeSeconds * 1000)
  const calls = google.calls('calendar')
  const answer = await ada.fetch(`${own}/calendars`)
  isProblem(t, answer, 403, 'missing_scopes')
  t.same(answer.json().missingScopes, [scope])
  t.equal(google.calls('calendar'), calls)
})
