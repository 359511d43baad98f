import t from 'tap'
import { build } from '../helper.ts'
import { captureLog, type Line } from './capture.ts'

const uuid = /^[0-9a-f-]{36}$/

t.test('[R107] security events › each is logged once, with time, request, user and outcome', async t => {
  const log = captureLog()
  const { app, google, browser, clock } = await build(t, { logger: log.logger })
  let read = 0
  /** The lines with an event or a refusal since the last call. */
  const since = (): Line[] => {
    const fresh = log.lines().slice(read)
    read += fresh.length
    return fresh.filter(({ event, code }) => event !== undefined || code !== undefined)
  }
  /** One line, with these fields. */
  const isLogged = (name: string, fields: Line): void => {
    const lines = since().filter(({ event }) => event !== 'ready')
    t.equal(lines.length, 1, `${name}: once`)
    t.match(lines[0], { time: Number, level: Number, ...fields }, name)
  }

  const ada = browser()
  const refused = browser()
  const callback = await ada.authorize('/auth/google')
  since()
  await ada.fetch(callback)
  const { id: user } = (await ada.fetch('/auth/session')).json().user
  isLogged('signing in', { event: 'signed_in', user, reqId: uuid })
  await refused.fetch('/connections')
  isLogged('no session', { code: 'unauthenticated', reqId: uuid })
  await refused.fetch(callback)
  isLogged("another's callback", { code: 'flow_wrong_session', reqId: uuid })
  await ada.request({ method: 'DELETE', url: '/auth/session', headers: { 'sec-fetch-site': 'cross-site' } })
  isLogged('another site', { code: 'cross_site', reqId: uuid })
  await app.inject({ url: '/v1/connections', headers: { authorization: 'Bearer nothing' } })
  isLogged('a wrong key', { code: 'backend_key_invalid', reqId: uuid })
  const { key } = await app.backendKeys.create({
    name: 'b',
    operations: ['tokens:vend'],
    services: null,
    expiresAt: null
  })
  await app.inject({ url: '/v1/connections', headers: { authorization: `Bearer ${key}` } })
  isLogged('a key for something else', { code: 'forbidden', reqId: uuid })

  const { id } = await ada.connected()
  isLogged('connecting', { event: 'connected', user, connection: id, status: 'active', reqId: uuid })
  await ada.fetch(await ada.authorize('/connect/gmail', { deny: 'access_denied' }))
  isLogged('denied at Google', { code: 'access_denied', reqId: uuid })
  google.refuseRefresh('ada@example.com', { error: 'invalid_client', status: 401 })
  clock.advance(3_600_000)
  await ada.fetch(`/connections/${id}/gmail/profile`)
  t.match(
    since().find(({ event }) => event === 'operator_fault'),
    { level: 50, time: Number, reason: 'invalid_client' },
    'a fault of the operator'
  )
  google.refuseRefresh('ada@example.com', { error: 'invalid_grant' })
  clock.advance(60_000)
  await ada.fetch(`/connections/${id}/gmail/profile`)
  const dead = since()
  t.same(dead.filter(({ event }) => event === 'connection_dead').length, 1)
  t.match(
    dead.find(({ event }) => event === 'connection_dead'),
    { user, connection: id, reason: 'revoked', time: Number }
  )
  t.match(
    dead.find(({ code }) => code === 'needs_reconnect'),
    { reqId: uuid }
  )
  await ada.fetch(`/connections/${id}`, 'DELETE')
  isLogged('disconnecting', { event: 'disconnected', user, connection: id, revoked: String, reqId: uuid })
  await ada.fetch('/auth/session', 'DELETE')
  isLogged('signing out', { event: 'signed_out', user, reqId: uuid })
  await ada.signIn()
  since()
  await ada.fetch('/auth/user', 'DELETE')
  isLogged('erasing', { event: 'user_erased', user, reqId: uuid })
})

t.test('[R107] security events › a sign-in that is not allowed, and too many attempts › logged', async t => {
  const log = captureLog()
  const { browser } = await build(t, {
    logger: log.logger,
    environment: { SIGN_IN_ALLOW: '@example.org', RATE_LIMIT_STARTS: '3' }
  })
  await browser().signIn()
  for (let n = 0; n < 4; n++) await browser().fetch('/auth/google')
  const codes = log.lines().map(({ code }) => code)
  t.equal(codes.filter(code => code === 'sign_in_not_allowed').length, 1)
  t.equal(codes.filter(code => code === 'rate_limited').length, 3)
})

t.test('[R107] access log › one line for every answer, with its route and never its query', async t => {
  const log = captureLog()
  const { app } = await build(t, { logger: log.logger })
  const answers = await Promise.all(
    ['/livez?x=canary-of-a-query', '/auth/session', '/connections/abc', '/nowhere'].map(url => app.inject(url))
  )
  const answered = log.lines().filter(({ msg }) => msg === 'answered')
  t.equal(answered.length, answers.length)
  t.match(answered.map(({ status }) => status).sort(), [200, 401, 401, 404])
  for (const line of answered) t.match(line, { method: 'GET', ms: Number, reqId: uuid, time: Number })
  t.notMatch(log.text(), 'canary-of-a-query')
})
