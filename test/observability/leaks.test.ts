import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { MongoNetworkError, MongoServerError } from 'mongodb'
import t from 'tap'
import { createBackend } from '../backend/backend.ts'
import { failNext } from '../database/database.ts'
import { secret, secretOf, startReceiver, status } from '../events/receiver.ts'
import { build, collectionsOf, localPath } from '../helper.ts'
import { guichet } from '../process.ts'
import { captureLog } from './capture.ts'

const operations = [
  'tokens:vend',
  'connections:read',
  'connections:delete',
  'tickets:create',
  'gmail:read',
  'gmail:modify',
  'events:read'
] as const

t.test('[R106] logs › whole journeys and every kind of failure leave no secret, in any encoding', async t => {
  const log = captureLog()
  const { app, google, browser, clock, config, environment } = await build(t, {
    logger: log.logger,
    environment: { METRICS_TOKEN: 'the-token-of-the-metrics-route', GOOGLE_TIMEOUT_MS: '400' }
  })
  const { ledger } = google
  for (const secret of [...config.sessionSecrets, 'the-token-of-the-metrics-route']) ledger.plant(secret)
  for (const { key } of config.vaultKeys) ledger.plant(key.toString('base64'))
  ledger.plant(environment.MONGODB_URI ?? '')
  const told: string[] = []
  /** Keeps the text of each error answer: it must not quote more than the log may. */
  const note = <R extends { statusCode: number; body: string }>(response: R): R => {
    if (response.statusCode >= 400) told.push(response.body)
    return response
  }

  // In, out, connected, repaired, read, written, vended, refreshed.
  const ada = browser()
  await ada.signIn('ada@example.com')
  await ada.navigate(await ada.authorize('/auth/google'))
  const connection = await ada.connected({ as: 'ada@example.com' })
  await ada.navigate(await ada.authorize(`/connect/gmail?connectionId=${connection.id}`))
  const gmail = `/connections/${connection.id}/gmail`
  const messageId = google.user('ada@example.com').messages[0]?.id
  await ada.fetch(`${gmail}/messages?q=private-search-of-a-user`)
  await ada.fetch(`${gmail}/messages/${messageId}/modify`, 'POST', { addLabels: ['STARRED'] })
  ledger.plant('private-search-of-a-user')
  const { key } = await app.backendKeys.create({
    name: 'b',
    operations: [...operations],
    services: null,
    expiresAt: null
  })
  ledger.plant(key)
  const authorization = `Bearer ${key}`
  const vend = async () =>
    note(
      await app.inject({ method: 'POST', url: `/v1/connections/${connection.id}/token`, headers: { authorization } })
    )
  const rotated = async () => {
    google.rotateRefreshTokens = true
    clock.advance(3_600_000)
    return vend()
  }
  t.equal((await vend()).statusCode, 200)
  t.equal((await rotated()).statusCode, 200)
  const ticket = await app.inject({
    method: 'POST',
    url: '/v1/tickets',
    headers: { authorization },
    payload: { externalId: 'user-1', service: 'gmail' }
  })
  t.equal(ticket.statusCode, 201)
  const ticketValue = new URL(ticket.json().url).searchParams.get('ticket') ?? ''
  ledger.plant(ticketValue)
  const guest = browser()
  note(await guest.navigate(localPath(ticket.json().url)))
  const form = {
    method: 'POST' as const,
    url: '/start',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      origin: 'http://localhost:3000',
      accept: 'text/html'
    }
  }
  note(await guest.request({ ...form, payload: `ticket=${ticketValue}` }))
  note(await guest.request({ ...form, payload: `ticket=${ticketValue}` }))
  for (const { cookies } of [ada, guest]) for (const cookie of cookies.values()) ledger.plant(cookie)

  // Refused for what they carry.
  const callback = await ada.authorize('/connect/gmail')
  note(await browser().fetch(callback))
  note(await ada.fetch(`${callback}&code=second`))
  note(await ada.fetch(callback.replace('state=', 'state=%0A%7B%22level%22%3A60')))
  note(await ada.fetch(`${callback}&error=access_denied&error_description=${ledger.of('refresh_token')[0]?.value}`))
  note(await ada.fetch(callback))
  note(await ada.fetch(callback))
  note(await app.inject({ url: callback.replace('callback', 'callback%00'), headers: { authorization } }))
  note(await app.inject({ url: `/nowhere?ticket=${ticketValue}&access_token=${ledger.of('access_token')[0]?.value}` }))
  note(await app.inject({ url: '/metrics', headers: { authorization: 'Bearer the-token-of-the-metrics-route!' } }))
  note(
    await app.inject({
      url: '/v1/connections',
      headers: { authorization: `${authorization}x`, cookie: [...ada.cookies].map(pair => pair.join('=')).join() }
    })
  )
  for (const payload of [
    `{"state":"${ledger.of('state')[0]?.value}"`,
    JSON.stringify({ externalId: [ledger.of('code')[0]?.value] })
  ]) {
    note(
      await app.inject({
        method: 'POST',
        url: '/v1/tickets',
        headers: { authorization, 'content-type': 'application/json' },
        payload
      })
    )
  }

  // Google fails, quoting what it was sent.
  const quoting = {
    error: 'invalid_grant',
    error_description: `code ${ledger.of('code').at(-1)?.value} of ${google.clientSecret}`
  }
  for (const fault of [
    { status: 400, body: quoting },
    { status: 401, body: { ...quoting, error: 'invalid_client' } },
    { status: 500, body: quoting },
    { raw: `<html>${google.clientSecret}` },
    { mutate: (json: object) => ({ ...json, token_type: google.clientSecret }) },
    { mutate: (json: object) => ({ ...json, id_token: ledger.of('id_token')[0]?.value }) },
    { mutate: (json: object) => ({ ...json, expires_in: -1 }) },
    { redirectTo: `http://127.0.0.1:9/?code=${ledger.of('code').at(-1)?.value}` },
    { reset: true },
    { hang: true }
  ] as const) {
    const attempt = await ada.authorize('/connect/gmail')
    google.fault('token', fault)
    note(await ada.fetch(attempt))
    google.clearFaults()
    clock.advance(3_700_000)
    google.fault('token', fault)
    note(await vend())
    google.clearFaults()
    google.fault('gmail', fault)
    note(await ada.fetch(`${gmail}/profile`))
    google.clearFaults()
  }

  // The database fails, quoting what it was given.
  const tokens = ledger.of('access_token').map(({ value }) => value)
  for (const error of [
    new MongoNetworkError(`connection to ${environment.MONGODB_URI} with ${tokens.at(-1)}`),
    new MongoServerError({
      message: `failed: { accessToken: "${tokens.at(-1)}" }`,
      code: 8000,
      errInfo: { token: tokens[0] }
    }),
    new MongoServerError({
      message: `dup key: { token: "${tokens.at(-1)}" }`,
      code: 11000,
      keyValue: { token: tokens[0] }
    }),
    new Error(`unforeseen: ${tokens.at(-1)}`, { cause: new Error(ticketValue) }),
    new TypeError(`cannot read ${key}`)
  ]) {
    failNext(collectionsOf(app).connections, 'findOne', error)
    note(await vend())
    failNext(collectionsOf(app).sessions, 'findOne', error)
    note(await ada.fetch('/auth/session'))
    failNext(collectionsOf(app).flows, 'insertOne', error)
    note(await ada.navigate('/connect/gmail'))
  }

  // Bytes that are no HTTP, over a socket.
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as { port: number }
  for (const bytes of [
    `GET ${callback} HTTP/9.9\r\n\r\n`,
    `GET ${callback}\r\n\r\n`,
    `GET ${callback} HTTP/1.1\r\nCookie: ${[...ada.cookies.values()]}\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`
  ]) {
    const socket = connect(port, '127.0.0.1')
    socket.end(bytes)
    socket.resume()
    await once(socket, 'close')
  }

  // Ended.
  const metrics = await app.inject({
    url: '/metrics',
    headers: { authorization: 'Bearer the-token-of-the-metrics-route' }
  })
  note(await ada.fetch(`/connections/${connection.id}`, 'DELETE'))
  await ada.fetch('/auth/session', 'DELETE')
  const again = browser()
  await again.signIn('ada@example.com')
  await again.fetch('/auth/user', 'DELETE')
  await app.close()

  t.ok(told.length > 40, `${told.length} refusals`)
  t.ok(log.lines().length > 100, `${log.lines().length} lines`)
  t.ok(ledger.entries.length > 80, `${ledger.entries.length} secrets`)
  t.equal(metrics.statusCode, 200)
  t.same(ledger.find(log.text()), [])
  t.same(ledger.find(told.join('\n')), [])
  t.same(ledger.find(metrics.body), [])
  // The scan must find a planted one.
  for (const { value } of [...ledger.of('access_token').slice(-1), ...ledger.of('state').slice(-1)]) {
    const line = JSON.stringify({ level: 30, msg: Buffer.from(`Bearer ${value}`).toString('base64') })
    t.ok(
      ledger.find(`${log.text()}${line}\n`).some(hit => hit.value === value),
      'a planted one is found'
    )
  }
})

t.test('[R106][R94] webhooks › refused, cut off, parked, replayed, accepted › no secret in events or logs', async t => {
  const log = captureLog()
  const receiver = await startReceiver(t)
  const [inQuery, inBody] = ['the-key-in-the-query-of-the-webhook', 'what-the-receiver-says-in-its-own-words']
  const auditFile = join(t.testdir(), 'audit.log')
  const environment = {
    ...receiver.environment,
    WEBHOOK_URL: `${receiver.url}?key=${inQuery}`,
    WEBHOOK_SECRETS: `${secret},${secretOf(8)}`,
    AUDIT_FILE: auditFile,
    METRICS_TOKEN: 'the-token-of-the-metrics-route'
  }
  const world = await build(t, { logger: log.logger, environment })
  const { app, google, clock, signedIn } = world
  const { ledger } = google
  for (const planted of [inQuery, inBody, 'the-token-of-the-metrics-route']) ledger.plant(planted)
  // With and without what stands before it.
  for (const one of [secret, secretOf(8)]) for (const text of [one, one.slice('whsec_'.length)]) ledger.plant(text)
  const quoting = (code: number) => status(code, { 'x-says': inBody, 'content-type': 'text/plain' }, inBody)
  const deliver = async () => {
    await app.background.run()
    await app.webhook?.run()
  }

  // Every kind of event, and a receiver that fails from the first one on.
  receiver.answer = quoting(500)
  const ada = await signedIn('ada@example.com')
  const { id } = await ada.connected({ as: 'ada@example.com' })
  const backend = await createBackend(app)
  ledger.plant(backend.key)
  t.equal((await backend.vend(id)).statusCode, 200)
  google.rotateRefreshTokens = true
  clock.advance(3_600_000)
  t.equal((await backend.vend(id)).statusCode, 200)
  google.revokeGrant('ada@example.com')
  clock.advance(3_600_000)
  t.equal((await backend.vend(id)).statusCode, 409)
  await ada.fetch(await ada.authorize(`/connect/gmail?connectionId=${id}`))
  await ada.fetch(`/connections/${id}`, 'DELETE')
  await ada.fetch('/auth/user', 'DELETE')
  await deliver()
  for (const answer of [
    status(302, { location: `${receiver.url}/elsewhere?key=${inBody}` }, inBody),
    (response: ServerResponse) => void response.destroy(),
    quoting(410)
  ]) {
    receiver.answer = answer
    clock.advance(30 * 3_600_000)
    await deliver()
  }

  const { events, meta } = collectionsOf(app)
  const kept = async () => JSON.stringify([await events.find().toArray(), await meta.find().toArray()])
  const keptBefore = await kept()
  const [asText, asJson] = [
    await guichet(world.environment, 'events', 'parked'),
    await guichet(world.environment, 'events', 'parked', '--json')
  ]
  t.match([asText, asJson], [{ code: 0 }, { code: 0 }])
  // The random pauses decide which deliveries were running at the 410.
  t.match(asText.out, /^evt_\S+\t(connection|user)\.\w+\t/, 'it does show one')
  t.match(JSON.parse(asJson.out)[0], { id: /^evt_/, type: /^(connection|user)\.\w+$/ })
  const metrics = await app.inject({
    url: '/metrics',
    headers: { authorization: 'Bearer the-token-of-the-metrics-route' }
  })
  t.match(metrics.body, /guichet_events_parked [1-9]/)

  receiver.answer = quoting(200)
  const replay = await guichet(world.environment, 'events', 'replay')
  clock.advance(60_000)
  await deliver()
  const listed = await backend.fetch('/v1/events')
  const keptAfter = await kept()
  await app.close()

  const types = ['connected', 'needs_reconnect', 'recovered', 'disconnected'].map(what => `connection.${what}`)
  t.same(new Set(receiver.types()), new Set([...types, 'user.deleted']))
  t.ok(receiver.requests.length > 8, `${receiver.requests.length} requests`)
  t.ok(log.lines().filter(({ event }) => event === 'delivery_failed').length >= 4)
  const audit = await readFile(auditFile, 'utf8')
  t.same(
    audit
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).outcome),
    ['vended', 'vended', 'needs_reconnect']
  )
  t.same(new Set(receiver.requests.map(({ url }) => url)), new Set([`/events?key=${inQuery}`]), 'who was given it')
  const delivered = receiver.requests.map(({ body, headers }) => `${JSON.stringify(headers)}\n${body}`).join('\n')
  for (const [where, text] of Object.entries({
    log: log.text(),
    audit,
    metrics: metrics.body,
    deliveries: delivered,
    parked: [asText, asJson, replay].map(({ out, err }) => `${out}\n${err}`).join('\n'),
    events: listed.body,
    'the database': keptBefore + keptAfter
  })) {
    t.same(ledger.find(text), [], where)
    t.ok(text.length > 200, `${where}: there is something to look through`)
  }
})

const nasty = [
  '\n{"level":60,"msg":"planted"}',
  '\r\n{"level":60}',
  '\u2028{"level":60}',
  '"},{"level":60,"x":"',
  '\u001b[31mred',
  '\\n{"level":60}'
]

t.test('[R106] logs › text from a client › stays inside one line, and cannot forge another', async t => {
  const log = captureLog()
  const { app, signedIn } = await build(t, { logger: log.logger })
  const ada = await signedIn()
  for (const text of nasty) {
    const encoded = encodeURIComponent(text)
    for (const header of [
      'user-agent',
      'referer',
      'x-request-id',
      'x-forwarded-for',
      'origin',
      'accept',
      'authorization'
    ]) {
      await app.inject({ url: '/auth/session', headers: { [header]: text } })
    }
    await ada.fetch(`/connect/gmail/callback?state=${encoded}&code=${encoded}&error=${encoded}`)
    await ada.navigate(`/connect/gmail/callback?state=${encoded}`)
    await ada.fetch(`/connect/${encoded}?returnTo=${encoded}&loginHint=${encoded}`)
    await ada.fetch(`/connections/${encoded}`)
    await ada.fetch(`/${encoded}`)
    await ada.request({
      method: 'POST',
      url: `/connections/x/gmail/messages/${encoded}/modify`,
      payload: { [text]: text }
    })
  }
  const lines = log.lines()
  t.ok(lines.length > 100)
  for (const line of lines) {
    t.ok(Number(line.level) < 60)
    t.match(line, { time: Number, msg: String })
    t.notMatch(line.msg, 'planted')
  }
  t.notOk(
    lines.some(line => line.reqId === nasty[0]),
    'the request id is our own'
  )
  t.equal(log.text().split('\n').length, lines.length + 1)
})
