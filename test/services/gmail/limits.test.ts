import { gmailFault } from '@guichet/fake-google/gmail-errors'
import t from 'tap'
import { build, isProblem, problemOf } from '../../helper.ts'
import { connectedMailbox, type Route } from './mailbox.ts'

/** The routes that answer with one error; a list has an error for each item. */
const single = (routes: readonly Route[]) => routes.filter(({ itemized }) => !itemized)
const after = (seconds: number) => ({ 'retry-after': String(seconds) })

t.test(
  '[G20] limits › a rate refusal of any kind › passed on with Retry-After, and only that account pauses',
  async t => {
    const { google, signedIn, clock } = await build(t)
    const [ada, bob] = [await signedIn(), await signedIn('bob@example.com')]
    const { routes } = await connectedMailbox(ada, google)
    const others = await connectedMailbox(bob, google, { as: 'bob@example.com' })
    for (const reason of ['tooManyRequests', 'rateLimitExceeded', 'userRateLimitExceeded'] as const) {
      google.fault('gmail', gmailFault(reason, after(70)))
      const calls = google.calls('gmail')
      for (const { request } of single(routes)) {
        const response = await ada.request(request)
        isProblem(t, response, 429, 'google_rate_limited')
        t.equal(response.headers['retry-after'], '70')
        t.match(response.headers['guichet-quota'], /^spent=\d+, left=\d+$/)
      }
      t.equal(google.calls('gmail') - calls, 1, 'nothing is asked during the pause')
      t.equal((await bob.request(others.routes[0]?.request ?? {})).statusCode, 200, 'another account goes on')
      clock.advance(70_000)
      t.equal((await ada.request(routes[0]?.request ?? {})).statusCode, 200)
    }
  }
)

t.test('[G20] limits › Google’s Retry-After fits the time left › the call is retried, writes too', async t => {
  const { google, signedIn } = await build(t)
  const ada = await signedIn()
  const { routes } = await connectedMailbox(ada, google)
  for (const { name, request, calls: needed = 1 } of routes) {
    google.fault('gmail', gmailFault('userRateLimitExceeded', after(0)), 2)
    const calls = google.calls('gmail')
    t.ok((await ada.request(request)).statusCode < 300, name)
    t.equal(google.calls('gmail') - calls, needed + 2, name)
  }
  t.same(google.violations, [])
})

t.test('[G20] limits › every answer says how many units it cost', async t => {
  const { google, signedIn } = await build(t, { environment: { GMAIL_UNITS_PER_USER: '6000' } })
  const ada = await signedIn()
  const { connection, routes } = await connectedMailbox(ada, google)
  const message = routes.find(({ name }) => name === 'message')
  t.equal((await ada.request(message?.request ?? {})).headers['guichet-quota'], 'spent=20, left=5980')
  t.equal(
    (await ada.fetch(`/connections/${connection.id}/gmail/profile`)).headers['guichet-quota'],
    'spent=1, left=5979'
  )
  google.fault('gmail', gmailFault('notFound'))
  const missing = await ada.request(message?.request ?? {})
  t.equal(missing.headers['guichet-quota'], 'spent=20, left=5959', 'errors too')
})

t.test("[G21] limits › the minute's units are used up › 429 with Retry-After, and no call", async t => {
  const { google, signedIn, clock } = await build(t, { environment: { GMAIL_UNITS_PER_USER: '100' } })
  const ada = await signedIn()
  const { connection, routes } = await connectedMailbox(ada, google)
  const message = routes.find(({ name }) => name === 'message')?.request ?? {}
  for (let call = 0; call < 5; call++) t.equal((await ada.request(message)).statusCode, 200)
  const calls = google.calls('gmail')
  const refused = await ada.request(message)
  isProblem(t, refused, 429, 'google_rate_limited')
  t.ok(Number(problemOf(refused).retryAfterSeconds) > 30)
  t.equal(refused.headers['guichet-quota'], 'spent=0, left=0')
  t.equal(google.calls('gmail'), calls)
  clock.advance(121_000)
  t.equal((await ada.fetch(`/connections/${connection.id}/gmail/profile`)).statusCode, 200)
})

t.test("[G23] limits › Google refuses this server's project › 503, and the log names project and API", async t => {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const { google, signedIn, app } = await build(t, { logger: { stream, level: 'error' } })
  const ada = await signedIn()
  const { routes } = await connectedMailbox(ada, google)
  const text =
    'Gmail API has not been used in project 424242424242 before or it is disabled. Enable it by visiting https://console.example/?project=424242424242 then retry.'
  const shapes = {
    old: {
      code: 403,
      message: text,
      errors: [{ message: text, domain: 'usageLimits', reason: 'accessNotConfigured' }]
    },
    bare: { code: 403, message: text, status: 'PERMISSION_DENIED' },
    new: {
      code: 403,
      message: text,
      errors: [{ message: text, domain: 'global', reason: 'forbidden' }],
      status: 'PERMISSION_DENIED',
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'SERVICE_DISABLED',
          domain: 'googleapis.com',
          metadata: { service: 'gmail.googleapis.com', consumer: 'projects/424242424242' }
        }
      ]
    }
  }
  for (const [name, error] of Object.entries(shapes)) {
    for (const { request } of single(routes)) {
      google.fault('gmail', { status: 403, body: { error } })
      const response = await ada.request(request)
      isProblem(t, response, 503, 'google_misconfigured')
      t.notMatch(response.body, /424242/, name)
    }
    const line = JSON.parse(lines.find(line => line.includes('google_misconfigured')) ?? '{}')
    t.match(line, { project: '424242424242', api: 'gmail.googleapis.com', reason: String }, name)
    lines.length = 0
  }
  const count = single(routes).length
  t.match(await app.metrics.text(), `guichet_gmail_refusals_total{reason="SERVICE_DISABLED"} ${count}`)
})

t.test('[G24] limits › an account without a mailbox › 409 mailbox_unavailable', async t => {
  const { google, signedIn } = await build(t)
  const ada = await signedIn()
  const { routes } = await connectedMailbox(ada, google)
  const message = 'Mail service not enabled'
  const errors = [{ message, domain: 'global', reason: 'failedPrecondition' }]
  const body = { error: { code: 400, message, errors, status: 'FAILED_PRECONDITION' } }
  const bare = { error: { code: 400, message, status: 'FAILED_PRECONDITION' } }
  for (const { request } of single(routes)) {
    for (const told of [body, bare]) {
      google.fault('gmail', { status: 400, body: told })
      isProblem(t, await ada.request(request), 409, 'mailbox_unavailable')
    }
  }
})

t.test('[G22] limits › hundreds of calls at once, and Google refuses the seventh › none answers 429', async t => {
  const { google, signedIn } = await build(t)
  const ada = await signedIn()
  const { routes } = await connectedMailbox(ada, google)
  const reads = routes.filter(({ use, name }) => use === 'read' && !name.includes('attachment'))
  google.usage.limits.openCallsPerUser = 6
  google.usage.limits.unitsPerUser = 1_000_000
  const answers = await Promise.all(
    Array.from({ length: 120 }, (_, at) => ada.request(reads[at % reads.length]?.request ?? {}))
  )
  t.same(
    answers.map(({ statusCode }) => statusCode).filter(status => status !== 200),
    []
  )
  t.ok(google.usage.mostOpenCalls('ada@example.com') <= 6)
})

t.test(
  '[G22] limits › two replicas together exceed Google’s limit › both slow down, and every call succeeds',
  async t => {
    const { google, signedIn, replica } = await build(t)
    const ada = await signedIn()
    const { connection } = await connectedMailbox(ada, google)
    const replicas = [ada, ada.clone(await replica())]
    google.usage.limits.openCallsPerUser = 6
    google.usage.limits.unitsPerUser = 1_000_000
    const answers = await Promise.all(
      Array.from({ length: 120 }, (_, at) =>
        (replicas[at % 2] ?? ada).fetch(`/connections/${connection.id}/gmail/profile`)
      )
    )
    t.same(
      answers.map(({ statusCode }) => statusCode).filter(status => status !== 200),
      []
    )
  }
)
