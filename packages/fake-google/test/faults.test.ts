import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import t from 'tap'
import type { FakeGoogle } from '../src/fake-google.ts'
import { gmailFault } from '../src/gmail-errors.ts'
import { callGmail, connect, exchangeForm, postToken, refresh, start, startFlow, toJsonAnswer } from './story.ts'

const discover = (google: FakeGoogle, signal?: AbortSignal) =>
  fetch(`${google.issuer}/.well-known/openid-configuration`, { ...(signal ? { signal } : {}), redirect: 'manual' })

/** What a client that reads on sees until it has had enough. */
async function readBytes(response: Response, enough: number): Promise<number> {
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > enough) break
  }
  return bytes
}

t.test('fault › a status with body and headers, as often as asked', async t => {
  const google = await start(t)
  const { refresh_token } = await connect(google)
  google.fault('token', { status: 429, body: { error: 'slow_down' }, headers: { 'retry-after': '7' } })
  google.fault('token', { status: 200, body: '<html>', contentType: 'text/html' }, 2)
  const first = await refresh(google, refresh_token)
  t.match(first, { status: 429, body: { error: 'slow_down' } })
  t.equal(first.headers.get('retry-after'), '7')
  for (const _ of [1, 2]) {
    const html = await fetch(`${google.issuer}/token`, { method: 'POST' })
    t.same([html.headers.get('content-type'), await html.text()], ['text/html', '<html>'])
  }
  t.equal((await refresh(google, refresh_token)).status, 200)
  t.equal(google.ledger.of('access_token').length, 2, 'a faulty answer has no effect')
})

t.test('fault › in the order planned, each for its endpoint and its requests', async t => {
  const google = await start(t)
  const fault = google.fault(
    'token',
    { status: 500 },
    { times: Infinity, only: ({ body }) => body.includes('refresh') }
  )
  const { refresh_token, access_token } = await connect(google)
  google.fault('gmail', gmailFault('userRateLimitExceeded'))
  google.fault('gmail', gmailFault('tooManyRequests', { 'retry-after': '3' }))
  t.equal((await postToken(google, { grant_type: 'refresh_token', refresh_token })).status, 500)
  t.equal((await postToken(google, { grant_type: 'refresh_token', refresh_token })).status, 500)
  t.equal(fault.hits, 2)
  fault.remove()
  t.equal((await refresh(google, refresh_token)).status, 200)
  t.match(await callGmail(google, access_token, 'me/profile'), {
    status: 403,
    body: { error: { errors: [{ reason: 'userRateLimitExceeded' }] } }
  })
  t.match(await callGmail(google, access_token, 'me/profile'), {
    status: 429,
    body: { error: { errors: [{ reason: 'rateLimitExceeded' }] } }
  })
  google.fault('gmail', { status: 500 }, Infinity)
  google.clearFaults()
  t.equal((await callGmail(google, access_token, 'me/profile')).status, 200)
})

t.test('fault › a reset after reading › with or without an effect, as chosen', async t => {
  const google = await start(t)
  google.rotateRefreshTokens = true
  const { refresh_token } = await connect(google)
  google.fault('token', { reset: true })
  await t.rejects(refresh(google, refresh_token), { cause: { code: /ECONNRESET|UND_ERR_SOCKET/ } })
  t.ok(google.requestsTo('token').at(-1)?.complete)
  t.equal(google.ledger.of('refresh_token', { alive: true })[0]?.value, refresh_token)
  google.fault('token', { reset: true, when: 'after' })
  await t.rejects(refresh(google, refresh_token))
  t.same(
    google.ledger.of('refresh_token').map(({ alive }) => alive),
    [false, true],
    'rotated, and nobody was told'
  )
  t.equal(google.calls('token'), 3)
})

t.test('fault › a reset at the headers › the body is not read', async t => {
  const google = await start(t)
  google.fault('token', { resetBeforeRead: true })
  const arrived = google.arrival('token')
  await t.rejects(refresh(google, 'x'))
  t.match(await arrived, { complete: false, body: '' })
})

t.test('fault › a hanging request is released › it is answered as usual', async t => {
  const google = await start(t)
  const { refresh_token } = await connect(google)
  const fault = google.fault('token', { hang: true })
  const arrived = google.arrival('token')
  const answer = refresh(google, refresh_token)
  await arrived
  t.equal(google.ledger.of('access_token').length, 1, 'not processed yet')
  t.equal((await refresh(google, refresh_token)).status, 200, 'others pass meanwhile')
  fault.release()
  t.equal((await answer).status, 200)
})

t.test('fault › the client of a hanging request gives up › no effect, unless it had one already', async t => {
  const google = await start(t)
  const giveUp = async (when: 'before' | 'after') => {
    const flow = startFlow(google)
    const form = { ...exchangeForm(flow, google.consent(flow.url)), client_id: google.clientId }
    const body = new URLSearchParams({ ...form, client_secret: google.clientSecret })
    const fault = google.fault('token', { hang: true, when })
    const gone = new AbortController()
    const arrived = google.arrival('token')
    const answer = fetch(`${google.issuer}/token`, { method: 'POST', body, signal: gone.signal })
    await arrived
    gone.abort()
    await t.rejects(answer)
    // Another request over another connection is served after the first one's end was seen.
    await discover(google)
    fault.release()
    await discover(google)
    return google.ledger.of('access_token').length
  }
  t.equal(await giveUp('before'), 0)
  t.equal(await giveUp('after'), 1)
})

t.test('fault › an answer waits for a promise, processed after or before it', async t => {
  const google = await start(t)
  const { refresh_token } = await connect(google)
  for (const [when, tokensMeanwhile] of [
    ['after', 2],
    ['before', 2]
  ] as const) {
    const { promise, resolve } = Promise.withResolvers<void>()
    google.fault('token', { delayUntil: promise, when })
    const arrived = google.arrival('token')
    const answer = refresh(google, refresh_token)
    await arrived
    await discover(google)
    t.equal(google.ledger.of('access_token').length, tokensMeanwhile, when)
    resolve()
    t.equal((await answer).status, 200)
  }
  google.fault('token', { delayUntil: Promise.reject(new Error('never mind')) })
  t.equal((await refresh(google, refresh_token)).status, 200, 'a promise that fails lets go too')

  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let next = 0
  google.fault('token', { delayUntil: () => gates[next++]?.promise ?? Promise.resolve() }, 2)
  const order: string[] = []
  const answers: Promise<unknown>[] = []
  for (const name of ['first', 'second']) {
    const arrived = google.arrival('token')
    answers.push(refresh(google, refresh_token).then(() => order.push(name)))
    await arrived
  }
  gates[1]?.resolve()
  await answers[1]
  gates[0]?.resolve()
  await answers[0]
  t.same(order, ['second', 'first'], 'a promise for each request')
})

t.test('fault › close() ends hanging requests', async t => {
  const google = await start(t)
  google.fault('discovery', { hang: true })
  const arrived = google.arrival('discovery')
  const answer = discover(google)
  await arrived
  await Promise.all([google.close(), t.rejects(answer)])
})

t.test('fault › bodies that drip, never end, or are too big', async t => {
  const google = await start(t)
  google.fault('token', { drip: 1 })
  t.same((await toJsonAnswer(await fetch(`${google.issuer}/token`))).body, { error: 'invalid_request' })
  google.fault('discovery', { drip: 60_000 })
  const gone = new AbortController()
  const slow = await discover(google, gone.signal)
  t.ok(Number(slow.headers.get('content-length')) > 100)
  gone.abort()
  await t.rejects(slow.text())
  google.fault('discovery', { endless: true })
  t.ok((await readBytes(await discover(google), 1_000_000)) > 1_000_000)
  google.fault('discovery', { huge: 1_000_000 })
  const huge = await (await discover(google)).text()
  t.equal(huge.length, 1_000_000)
  t.doesNotThrow(() => JSON.parse(huge), 'right but for its size')
})

t.test('fault › a gzip bomb › small on the wire', async t => {
  const google = await start(t)
  google.fault('discovery', { gzipBomb: 5_000_000 })
  const socket = connectSocket(google.port, '127.0.0.1')
  socket.write('GET /.well-known/openid-configuration HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  let onTheWire = 0
  socket.on('data', chunk => {
    onTheWire += chunk.length
  })
  await once(socket, 'close')
  t.ok(onTheWire < 50_000)
  google.fault('discovery', { gzipBomb: 5_000_000 })
  t.equal((await (await discover(google)).text()).length, 5_000_000)
})

t.test('fault › redirects, changed JSON, other text, extra bytes', async t => {
  const google = await start(t)
  google.fault('discovery', { redirectTo: 'http://evil.example/' })
  google.fault('discovery', { redirectTo: 'http://evil.example/', redirectStatus: 307 })
  for (const status of [302, 307]) {
    const answer = await discover(google)
    t.same([answer.status, answer.headers.get('location')], [status, 'http://evil.example/'])
  }
  google.fault('discovery', { addHeaders: { 'set-cookie': 'a=b' } })
  const cookie = await discover(google)
  t.same([cookie.headers.get('set-cookie'), (await toJsonAnswer(cookie)).body.issuer], ['a=b', google.issuer])
  google.fault('discovery', { mutate: metadata => ({ ...metadata, issuer: 'https://evil.example' }) })
  t.match((await toJsonAnswer(await discover(google))).body, {
    issuer: 'https://evil.example',
    jwks_uri: google.issuer
  })
  google.fault('discovery', { raw: '{"issuer":' })
  t.equal(await (await discover(google)).text(), '{"issuer":')
  google.fault('discovery', { raw: good => good.replace('{', '{"issuer":"first of two",') })
  t.match(await (await discover(google)).text(), /^\{"issuer":"first of two","issuer":"http:/)

  google.fault('discovery', { trailing: 'HTTP/1.1 200 OK\r\n\r\nleft over' })
  const socket = connectSocket(google.port, '127.0.0.1')
  socket.write('GET /.well-known/openid-configuration HTTP/1.1\r\nHost: x\r\n\r\n')
  let text = ''
  for await (const chunk of socket) {
    text += chunk
    if (text.endsWith('left over')) break
  }
  t.match(text, /\}HTTP\/1\.1 200 OK\r\n\r\nleft over$/)
})
