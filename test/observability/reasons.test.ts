import type { Fault } from '@guichet/fake-google/faults'
import type { Endpoint } from '@guichet/fake-google/http'
import t from 'tap'
import { startReceiver, status } from '../events/receiver.ts'
import { build, localPath } from '../helper.ts'
import { captureLog } from './capture.ts'

t.test('[R107] reasons › an answer of Google is refused › the log has a reason code', async t => {
  const log = captureLog()
  const { google, browser, clock } = await build(t, { logger: log.logger })
  let read = 0
  const logged = () => {
    const fresh = log.lines().slice(read)
    read += fresh.length
    return JSON.stringify(fresh.filter(({ code, event }) => code !== undefined || event === 'operator_fault'))
  }
  const now = () => Math.floor(clock.nowMs() / 1000)

  for (const [reason, tampering] of [
    ['nonce', { claims: { nonce: 'another' } }],
    ['audience', { claims: { aud: 'another' } }],
    ['issuer', { claims: { iss: 'https://evil.example' } }],
    ['azp', { claims: { azp: 'another' } }],
    ['expired', { claims: { exp: now() - 3600, iat: now() - 7200 } }],
    ['issued_in_future', { claims: { iat: now() + 600 } }],
    ['claims', { claims: { sub: '' } }],
    ['signature', { key: 'foreign' as const }],
    ['algorithm', { alg: 'none' as const }],
    ['malformed', { raw: 'no token' }],
    ['missing', { omit: true }]
  ] as const) {
    const ada = browser()
    const callback = await ada.authorize('/auth/google')
    google.nextIdToken(tampering)
    logged()
    t.equal((await ada.fetch(callback)).json().code, 'google_invalid_response')
    t.match(logged(), `"type":"CodedError","code":"${reason}"`, reason)
  }

  for (const [reason, fault] of [
    ['invalid_client', { status: 401, body: { error: 'invalid_client', error_description: 'not to be logged' } }],
    ['unknown_error', { status: 400, body: { error: 'not-to-be-logged' } }],
    ['unusable_access_token', { mutate: (json: Record<string, unknown>) => ({ ...json, access_token: 7 }) }],
    ['status_500', { status: 500 }]
  ] as const) {
    const ada = browser()
    const callback = await ada.authorize('/auth/google')
    google.fault('token', fault)
    logged()
    await ada.fetch(callback)
    const text = logged()
    t.match(text, `"code":"${reason}"`, reason)
    t.notMatch(text, 'logged"')
    if (/invalid_client|unknown/.test(reason)) t.match(text, `"reason":"${reason}"`)
  }

  const ada = browser()
  const callback = new URL(await ada.authorize('/auth/google', { deny: 'access_denied' }), 'http://localhost:3000')
  callback.searchParams.set('error', 'chosen-by-the-sender')
  logged()
  await ada.fetch(callback.pathname + callback.search)
  const text = logged()
  t.match(text, 'unknown_callback_error')
  t.notMatch(text, 'chosen-by-the-sender')
})

t.test('[R107] reasons › an answer of Gmail or Calendar cannot be used › the log has a reason code', async t => {
  const log = captureLog()
  const { google, signedIn } = await build(t, { logger: log.logger })
  const ada = await signedIn()
  const gmail = `/connections/${(await ada.connected()).id}/gmail`
  const { connection } = (await ada.connect(undefined, '/connect/calendar')).json()
  for (const [endpoint, url, raw, reason] of [
    ['gmail', `${gmail}/profile`, '<html>', 'no_json'],
    ['gmail', `${gmail}/profile`, '"not to be logged"', 'no_json_object'],
    ['gmail', `${gmail}/messages`, '<html>', 'no_json'],
    ['gmail', `${gmail}/messages`, '[1]', 'no_json_object'],
    ['gmail', `${gmail}/messages/m1?format=full`, '{"cut', 'no_whole_json_object'],
    ['gmail', `${gmail}/messages/m1/raw`, '{}', 'no_bytes'],
    ['calendar', `/connections/${connection.id}/calendar/calendars`, '[1]', 'no_json_object']
  ] as const) {
    google.fault(endpoint, { status: 200, contentType: 'application/json', body: raw })
    const before = log.lines().length
    await ada.fetch(url)
    const text = JSON.stringify(log.lines().slice(before))
    t.match(text, `"type":"CodedError","code":"${reason}"`, `${url}: ${raw}`)
    t.notMatch(text, 'logged"')
  }
})

t.test('[R107] reasons › discovery or the signing keys cannot be used › the log has a reason code', async t => {
  const log = captureLog()
  const { google, browser, replica } = await build(t, { logger: log.logger })
  for (const [endpoint, fault, reason] of [
    ['discovery', { status: 404 }, 'status_404'],
    ['discovery', { redirectTo: 'http://127.0.0.1:9/' }, 'status_302'],
    ['discovery', { raw: '<html>' }, 'unusable_answer'],
    ['discovery', { mutate: json => ({ ...json, issuer: 'https://other.example' }) }, 'another_issuer'],
    ['discovery', { mutate: json => ({ ...json, token_endpoint: 'http://x.example' }) }, 'unusable_token_endpoint'],
    ['discovery', { mutate: ({ revocation_endpoint: _, ...json }) => json }, 'unusable_revocation_endpoint'],
    ['jwks', { status: 500 }, 'status_500'],
    ['jwks', { raw: '{"keys":1}' }, 'ERR_JWKS_INVALID']
  ] satisfies [Endpoint, Fault, string][]) {
    google.fault(endpoint, fault, Number.POSITIVE_INFINITY)
    const ada = browser(await replica())
    const before = log.lines().length
    const start = await ada.fetch('/auth/google')
    const ended = endpoint === 'jwks' ? await ada.fetch(localPath(google.consent(start.json().url))) : start
    t.equal(ended.json().code, 'google_unavailable')
    t.match(JSON.stringify(log.lines().slice(before)), `"code":"${reason}"`, reason)
    google.clearFaults()
  }
})

t.test('[R107] reasons › the webhook does not take an event › the log says why', async t => {
  const log = captureLog()
  const receiver = await startReceiver(t)
  const { app, clock, signedIn } = await build(t, { logger: log.logger, environment: receiver.environment })
  const ada = await signedIn()
  await ada.connected()
  const told = async () => {
    clock.advance(86_400_000)
    await app.background.run()
    await app.webhook?.run()
    return log.lines().findLast(({ event }) => event === 'delivery_failed')?.reason
  }
  receiver.answer = status(500)
  t.equal(await told(), 'status_500')
  receiver.answer = response => response.destroy()
  t.match(await told(), /^(UND_ERR_SOCKET|ECONNRESET)$/)
  await receiver.close()
  t.equal(await told(), 'ECONNREFUSED')
})
