import t from 'tap'
import { isProblem, problemOf } from '../../helper.ts'
import { tell } from './story.ts'

/** Faults at Google that say nothing about the user's grant. */
const faults = {
  '401 invalid_client': [{ status: 401, body: { error: 'invalid_client' } }, 503, 'google_misconfigured'],
  '400 unauthorized_client': [{ status: 400, body: { error: 'unauthorized_client' } }, 503, 'google_misconfigured'],
  '400 invalid_request': [{ status: 400, body: { error: 'invalid_request' } }, 503, 'google_misconfigured'],
  '500': [{ status: 500, body: { error: 'internal_failure' } }, 503, 'google_unavailable'],
  '500 that says invalid_grant': [{ status: 500, body: { error: 'invalid_grant' } }, 503, 'google_unavailable'],
  '503 HTML': [{ status: 503, body: '<h1>Error</h1>', contentType: 'text/html' }, 503, 'google_unavailable'],
  '429': [{ status: 429, body: { error: 'rate_limit_exceeded' } }, 503, 'google_unavailable'],
  '429 that says invalid_grant': [{ status: 429, body: { error: 'invalid_grant' } }, 503, 'google_unavailable'],
  'HTML 200': [{ status: 200, body: '<html>Log in</html>', contentType: 'text/html' }, 502, 'google_invalid_response'],
  'empty 200': [{ status: 200, body: '' }, 502, 'google_invalid_response'],
  '200 that says invalid_grant': [{ status: 200, body: { error: 'invalid_grant' } }, 502, 'google_invalid_response'],
  'HTML 400': [{ status: 400, body: 'invalid_grant', contentType: 'text/html' }, 502, 'google_invalid_response'],
  '404': [{ status: 404, body: { error: 'invalid_grant' } }, 502, 'google_invalid_response'],
  'a redirect': [{ redirectTo: 'http://127.0.0.1:1/token' }, 502, 'google_invalid_response'],
  'half a JSON': [{ raw: (body: string) => body.slice(0, -20) }, 502, 'google_invalid_response'],
  'a hang': [{ hang: true }, 503, 'google_unavailable'],
  'a reset': [{ reset: true }, 503, 'google_unavailable']
} as const
const passing = Object.entries(faults)

for (const [name, [fault, status, code]] of passing) {
  t.test(`[R71] [F20] refresh › ${name}, token expired › 503 with Retry-After, and nothing changes`, async t => {
    const { google, clock, expire, vend, stored, events, refreshes } = await tell(t, {
      environment: { GOOGLE_TIMEOUT_MS: '300' }
    })
    expire()
    await events()
    const before = await stored()
    google.fault('token', fault, Number.POSITIVE_INFINITY)
    const answer = await vend()
    isProblem(t, answer, status, code)
    const { retryAfterSeconds = 0 } = problemOf(answer)
    t.ok(retryAfterSeconds >= 1 && retryAfterSeconds <= 30, `Retry-After: ${retryAfterSeconds}`)
    t.equal(answer.headers['retry-after'], String(retryAfterSeconds))

    const { cooldownUntil, ...rest } = await stored()
    const { cooldownUntil: _, ...same } = before
    t.same(rest, same, 'the record is as it was')
    t.ok((cooldownUntil?.getTime() ?? 0) <= clock.nowMs() + 30_000)
    t.same(await events(), ['connection.connected'])

    google.clearFaults()
    clock.advance(retryAfterSeconds * 1000)
    t.equal((await vend()).statusCode, 200, 'and the next good answer is taken')
    t.equal(refreshes(), 2)
  })
}

t.test('[F24] refresh › Google refuses our client › no connection is marked, and the operator is told', async t => {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const { app, google, expire, vend, ada } = await tell(t, { logger: { level: 'error', stream } })
  expire()
  for (const error of ['invalid_client', 'unauthorized_client']) {
    google.fault('token', { status: 401, body: { error } })
    isProblem(t, await vend(), 503, 'google_misconfigured')
    expire()
  }
  t.match((await ada.fetch('/connections')).json().connections, [{ status: 'active' }])
  t.equal(lines.filter(line => line.includes('"operator_fault"')).length, 2)
  t.match(await app.metrics.text(), /^guichet_operator_faults_total 2$/m)
  t.match(await app.metrics.text(), /^guichet_connections_dead 0$/m)
})

for (const [name, [fault]] of passing) {
  t.test(`[R76] [F19] refresh › ${name}, token still valid › it is served with its true remaining life`, async t => {
    const { google, clock, vend, stored, events, refreshes } = await tell(t, {
      environment: { GOOGLE_TIMEOUT_MS: '300' }
    })
    await events()
    clock.advance((google.accessTokenLifetimeSeconds - 120) * 1000)
    const first = (await vend()).json()
    const before = await stored()
    google.fault('token', fault, Number.POSITIVE_INFINITY)
    for (const rest of [120, 119, 61]) {
      const answer = await vend({ minTtlSeconds: 300 })
      t.equal(answer.statusCode, 200)
      t.same(answer.json(), { ...first, expires_in: rest })
      clock.advance(rest === 119 ? 58_000 : 1000)
    }
    const { cooldownUntil: _, ...rest } = await stored()
    const { cooldownUntil: __, ...same } = before
    t.same(rest, same)
    t.ok(refreshes() <= 3)
    clock.advance(50_000)
    t.equal((await vend()).json().expires_in, 10, 'down to its last seconds')
    clock.advance(10_000)
    t.ok((await vend()).statusCode >= 502, 'and not past them')
  })
}

t.test('[R76] Gmail › refresh fails in the last 60 s of the token › the mail is read with it', async t => {
  const { google, clock, ada, connection } = await tell(t)
  clock.advance((google.accessTokenLifetimeSeconds - 59) * 1000)
  google.fault('token', { status: 500 }, Number.POSITIVE_INFINITY)
  t.equal((await ada.fetch(`/connections/${connection.id}/gmail/messages`)).statusCode, 200)
})
