import { gmailFault } from '@guichet/fake-google/gmail-errors'
import t from 'tap'
import { type Browser, build, isProblem, localPath, problemOf } from '../../helper.ts'
import { connectedMailbox } from './mailbox.ts'

/** If Google refuses although the record is in order, only a new consent helps. */
async function forcesConsent(browser: Browser, connectUrl = ''): Promise<boolean> {
  const started = await browser.fetch(localPath(connectUrl))
  return new URL(started.json().url).searchParams.get('prompt') === 'consent'
}

t.test('[R77] gmail errors › a token is refused once › one refresh, and the call is repeated', async t => {
  const { google, signedIn } = await build(t)
  const ada = await signedIn()
  const { routes } = await connectedMailbox(ada, google)
  for (const { name, request, calls: needed = 1 } of routes) {
    google.expireAccessTokens('ada@example.com')
    const [tokens, calls] = [google.calls('token'), google.calls('gmail')]
    const response = await ada.request(request)
    t.ok(response.statusCode < 300, name)
    t.equal(google.calls('token') - tokens, 1, `${name}: one refresh`)
    t.equal(google.calls('gmail') - calls, needed + 1, `${name}: one call again`)
  }
  t.same(google.violations, [])
})

t.test('[R77] gmail errors › fresh tokens are refused again and again › needs_reconnect', async t => {
  const { google, signedIn, clock } = await build(t)
  const ada = await signedIn()
  const { routes } = await connectedMailbox(ada, google)
  for (const { name, request } of routes) {
    google.fault('gmail', gmailFault('authError'), 2)
    const [tokens, calls] = [google.calls('token'), google.calls('gmail')]
    const response = await ada.request(request)
    isProblem(t, response, 409, 'needs_reconnect')
    t.ok(await forcesConsent(ada, problemOf(response).connectUrl))
    t.equal(google.calls('token') - tokens, 1, `${name}: one refresh`)
    t.equal(google.calls('gmail') - calls, 2, `${name}: two calls`)
    clock.advance(61_000)
  }
})

t.test(
  '[F24] gmail errors › Gmail refuses even fresh tokens › no call for a minute, or until tokens change',
  async t => {
    const { google, signedIn, clock } = await build(t)
    const ada = await signedIn()
    const { connection, routes } = await connectedMailbox(ada, google)
    const profile = routes[0]?.request ?? {}
    const calls = () => [google.calls('token'), google.calls('gmail')]
    google.fault('gmail', gmailFault('authError'), Number.POSITIVE_INFINITY)
    isProblem(t, await ada.request(profile), 409, 'needs_reconnect')
    const asked = calls()
    const [tokens = 0, gmail = 0] = asked
    for (const { request } of routes) {
      const response = await ada.request(request)
      isProblem(t, response, 409, 'needs_reconnect')
      t.match(problemOf(response).connectUrl, /\/connect\/gmail$/)
    }
    t.same(calls(), asked, 'Google was not asked')
    clock.advance(61_000)
    isProblem(t, await ada.request(profile), 409, 'needs_reconnect')
    t.same(calls(), [tokens + 1, gmail + 2])
    google.clearFaults()
    await ada.connect({}, `/connect/gmail?connectionId=${connection.id}`)
    t.equal((await ada.request(profile)).statusCode, 200, 'connecting again mends it at once')
  }
)

t.test('[R77] gmail errors › a token is refused and its grant is gone › the connection is dead', async t => {
  const { google, signedIn } = await build(t)
  const ada = await signedIn()
  const { connection, routes } = await connectedMailbox(ada, google)
  google.revokeGrant('ada@example.com')
  isProblem(t, await ada.request(routes[0]?.request ?? {}), 409, 'needs_reconnect')
  const calls = [google.calls('token'), google.calls('gmail')]
  for (const { request } of routes) isProblem(t, await ada.request(request), 409, 'needs_reconnect')
  t.same([google.calls('token'), google.calls('gmail')], calls, 'and Google is not asked again')
  t.match((await ada.fetch(`/connections/${connection.id}`)).json(), {
    connection: { status: 'needs_reconnect', reason: 'revoked' }
  })
})

t.test('[R77][F52] gmail errors › each has its own code and Retry-After, and none causes a refresh', async t => {
  const { google, signedIn } = await build(t)
  const ada = await signedIn()
  const { routes } = await connectedMailbox(ada, google)
  const tokens = google.calls('token')
  const after = { 'retry-after': '7' }
  const cases = [
    ['403 insufficientPermissions', gmailFault('insufficientPermissions'), 403, 'missing_scopes', null],
    ['403 for another reason', gmailFault('forbidden'), 403, 'forbidden', null],
    ['404', gmailFault('notFound'), 404, 'not_found', null],
    ['400', gmailFault('invalidArgument'), 400, 'invalid_request', null],
    ['503', gmailFault('backendError', after), 503, 'google_unavailable', 7],
    ['500', { status: 500, body: '<html>Server Error' }, 503, 'google_unavailable', undefined],
    ['a redirect', { redirectTo: 'http://127.0.0.1:9/elsewhere' }, 502, 'google_invalid_response', null]
  ] as const
  for (const [name, fault, status, code, wait] of cases) {
    for (const { name: route, request, itemized } of routes) {
      if (itemized) continue
      const calls = google.calls('gmail')
      google.fault('gmail', fault, Number.POSITIVE_INFINITY)
      const response = await ada.request(request)
      google.clearFaults()
      isProblem(t, response, status, code)
      if (code === 'missing_scopes') t.ok(await forcesConsent(ada, problemOf(response).connectUrl))
      const seconds = problemOf(response).retryAfterSeconds
      if (wait === null) t.equal(response.headers['retry-after'], undefined, `${name}, ${route}: no wait`)
      else {
        t.equal(response.headers['retry-after'], String(seconds))
        if (wait) t.equal(seconds, wait, `${name}, ${route}: Google's own wait`)
        else t.ok(Number.isInteger(seconds) && Number(seconds) >= 1 && Number(seconds) <= 60)
      }
      // If Google fails without a Retry-After, a repeatable call is retried once.
      t.equal(google.calls('gmail') - calls, name === '500' ? 2 : 1, `${name}, ${route}: calls`)
    }
  }
  t.equal(google.calls('token'), tokens, 'no refresh')
})

t.test('[R77][F52] gmail errors › a write’s answer is lost › it was sent exactly once', async t => {
  const { google, signedIn } = await build(t, { environment: { GOOGLE_TIMEOUT_MS: '300' } })
  const ada = await signedIn()
  const { routes } = await connectedMailbox(ada, google)
  for (const { name, request, use } of routes) {
    if (use === 'read') continue
    for (const fault of [
      { reset: true, when: 'after' },
      { reset: true },
      { resetBeforeRead: true },
      { hang: true }
    ] as const) {
      const calls = google.calls('gmail')
      google.fault('gmail', fault, Number.POSITIVE_INFINITY)
      const response = await ada.request(request)
      isProblem(t, response, 503, 'google_unavailable')
      t.ok(response.headers['retry-after'])
      t.equal(google.calls('gmail') - calls, 1, `${name}: ${JSON.stringify(fault)}`)
      google.clearFaults('gmail')
    }
  }
  t.same(google.violations, [])
})

t.test('[F52] gmail errors › an answer that is endless, late or cannot be used › is cut off', async t => {
  const { google, signedIn } = await build(t, { environment: { GOOGLE_TIMEOUT_MS: '300' } })
  const ada = await signedIn()
  const { routes } = await connectedMailbox(ada, google)
  const profile = routes[0]?.request ?? {}
  const cases = [
    [{ hang: true }, 503, 'google_unavailable'],
    [{ drip: 50 }, 503, 'google_unavailable'],
    [{ raw: '<html>not JSON' }, 502, 'google_invalid_response'],
    [{ raw: '' }, 502, 'google_invalid_response'],
    [{ raw: '"text"' }, 502, 'google_invalid_response'],
    [{ raw: 'null' }, 502, 'google_invalid_response'],
    [{ raw: '{"emailAddress":"ada' }, 502, 'google_invalid_response'],
    [{ huge: 70_000_000 }, 502, 'google_invalid_response']
  ] as const
  for (const [fault, status, code] of cases) {
    google.fault('gmail', fault)
    const response = await ada.request(profile)
    if ('huge' in fault && response.statusCode === 503) continue // Too slow before it was too large.
    t.equal(response.statusCode, status, JSON.stringify(fault))
    t.equal(problemOf(response).code, code, JSON.stringify(fault))
  }
  google.clearFaults()
  t.equal((await ada.request(profile)).statusCode, 200)
})

t.test('[R77] gmail errors › a wait named only in Google’s message › is passed on', async t => {
  const { google, signedIn, clock } = await build(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const until = new Date(clock.nowMs() + 600_000).toISOString()
  const { status, body } = gmailFault('userRateLimitExceeded')
  google.fault('gmail', {
    status,
    body: {
      error: { ...(body as { error: object }).error, message: `User-rate limit exceeded.  Retry after ${until}` }
    }
  })
  const answer = await ada.fetch(`/connections/${id}/gmail/profile`)
  isProblem(t, answer, 429, 'google_rate_limited')
  t.match(Number(answer.headers['retry-after']), 600)
})
