import t from 'tap'
import { build } from '../helper.ts'
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
