// F51, a process short of memory or of file descriptors, is no test here: `ulimit` and a container's memory bound what the
// suite's own process may do, too. What keeps it from that end is tested: the bounds below, those of bodies and streams.
import t from 'tap'
import { build, collectionsOf, isProblem } from '../helper.ts'
import { createKey, operationsOf, toRequest } from './operations.ts'
import { listen, send } from './raw.ts'

const mebibyte = 1024 * 1024

t.test(
  '[R98] sizes › a body over 1 MiB (a mail over 10 MiB), announced or streamed › 413 on every route that takes one',
  async t => {
    const { app, signedIn } = await build(t)
    const ada = await signedIn()
    const { id } = await ada.connected()
    const authorization = await createKey(app)
    for (const operation of (await operationsOf(app)).filter(({ takesBody }) => takesBody)) {
      const isMail = /\/(drafts|drafts\/\{draftId\}|messages\/send)$/.test(operation.path)
      const most = isMail ? 10 * mebibyte : mebibyte
      const request = toRequest(operation, { path: { id }, body: `{"x":"${'x'.repeat(most)}"}` })
      if (operation.path === '/start') request.headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const headers = { ...request.headers, ...(operation.path.startsWith('/v1') && { authorization }) }
      isProblem(t, await ada.request({ ...request, headers }), 413, 'payload_too_large')
    }
    const most = `{"externalId":"${'x'.repeat(mebibyte - 17)}"}`
    t.equal(Buffer.byteLength(most), mebibyte)
    const headers = { 'content-type': 'application/json', authorization }
    isProblem(
      t,
      await app.inject({ method: 'POST', url: '/v1/tickets', headers, payload: most }),
      400,
      'invalid_request'
    )
  }
)

t.test('[R98] sizes › chunks that add up to more than 1 MiB › 413', async t => {
  const { app } = await build(t)
  const authorization = await createKey(app)
  const port = await listen(app)
  const head = `POST /v1/tickets HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\n`
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
  const { status } = await send(port, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(17)}0\r\n\r\n`)
  // The connection is reset while the rest is on its way: the answer may be lost with it.
  t.ok(status === 413 || status === undefined, `answered ${status}`)
  t.equal((await send(port, `${head}Content-Length: ${mebibyte + 1}\r\n\r\n{`)).status, 413)
  t.equal((await app.inject('/livez')).statusCode, 200)
})

t.test('[R98] sizes › a URL or headers over 16 KiB › 431', async t => {
  const { app } = await build(t)
  const port = await listen(app)
  const long = 'x'.repeat(17 * 1024)
  for (const bytes of [
    `GET /auth/google?returnTo=/${long} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET /${long} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET /livez HTTP/1.1\r\nHost: x\r\nX: ${long}\r\n\r\n`,
    `GET /livez HTTP/1.1\r\nHost: x\r\nCookie: guichet-3000=${long}\r\n\r\n`
  ]) {
    const { status, text } = await send(port, bytes)
    t.equal(status, 431)
    t.match(text, '"code":"headers_too_large"')
  }
})

t.test("[R98] sizes › a path parameter longer than the route's or the router's limit › 414", async t => {
  const { signedIn } = await build(t)
  const ada = await signedIn()
  for (const length of [101, 1024, 1025, 5000]) {
    isProblem(t, await ada.fetch(`/connections/${'a'.repeat(length)}`), 414, 'uri_too_long')
  }
  isProblem(t, await ada.fetch(`/connections/${'a'.repeat(100)}`), 404, 'not_found')
})

t.test('[R105] sizes › a refusal points at the fault, and echoes nothing of the request', async t => {
  const { app, signedIn } = await build(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const authorization = await createKey(app)
  const planted = 'planted-by-the-sender'
  const headers = { authorization, 'content-type': 'application/json' }
  for (const payload of [
    { externalId: 'x', [planted]: 1 },
    { externalId: 'x', service: [planted] },
    { externalId: { [planted]: planted } },
    { externalId: `${planted}\n` }
  ]) {
    const response = await app.inject({ method: 'POST', url: '/v1/tickets', headers, payload: JSON.stringify(payload) })
    isProblem(t, response, 400, 'invalid_request')
    t.match(response.json().errors, [{ pointer: /^\/body/, message: String }])
    t.notMatch(response.body, planted)
  }
  for (const query of [`${planted}=1`, `q=a&${planted}=${planted}`, `limit=${planted}`, `pageToken=${planted}%20`]) {
    const response = await ada.fetch(`/connections/${id}/gmail/messages?${query}`)
    isProblem(t, response, 400, 'invalid_request')
    t.notMatch(response.body, planted)
  }
})

const types = [
  ...[
    'text/plain',
    'text/html',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded',
    'application/xml'
  ],
  ...[
    '\t',
    ' garbage',
    'garbage',
    'json',
    'application',
    'application/',
    '/json',
    'application/jsonx',
    'application/json-seq'
  ],
  ...[
    'application/vnd.api+json',
    'text/json',
    'application/octet-stream',
    '*/*',
    'application/json, text/plain',
    ', application/json'
  ]
]

t.test('[R99] content types › anything but JSON › 415 or 400, and nothing changes', async t => {
  const { app, google, signedIn } = await build(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const authorization = await createKey(app)
  const calls = google.requests.length
  const before = await collectionsOf(app).tickets.countDocuments()
  const bodies = {
    '/v1/tickets': '{"externalId":"x"}',
    modify: '{"addLabels":["STARRED"]}',
    batchModify: '{"ids":["x1"],"addLabels":["STARRED"]}'
  }
  const operations = (await operationsOf(app)).filter(({ takesBody, path }) => takesBody && path !== '/start')
  t.ok(operations.length >= 6)
  for (const operation of operations) {
    const [, body = '{}'] = Object.entries(bodies).find(([end]) => operation.path.endsWith(end)) ?? []
    for (const type of [...types, 'application/json; charset=utf-7', 'application/json;charset=utf-16']) {
      const request = toRequest(operation, { path: { id }, body })
      const response = await ada.request({ ...request, headers: { 'content-type': type, authorization } })
      t.ok(
        [400, 415].includes(response.statusCode),
        `${operation.path} with ${JSON.stringify(type)} answered ${response.statusCode}`
      )
    }
  }
  t.equal(google.requests.length, calls)
  t.equal(await collectionsOf(app).tickets.countDocuments(), before)
  t.equal(
    (
      await app.inject({
        method: 'POST',
        url: '/v1/tickets',
        payload: '{"externalId":"x"}',
        headers: { authorization, 'content-type': 'Application/JSON; Charset="UTF-8"' }
      })
    ).statusCode,
    201
  )
})

t.test('[R99] content types › the one form route takes a form and nothing else', async t => {
  const { app, browser } = await build(t)
  const authorization = await createKey(app)
  const { url } = (
    await app.inject({ method: 'POST', url: '/v1/tickets', payload: { externalId: 'x' }, headers: { authorization } })
  ).json()
  const ticket = new URL(url).searchParams.get('ticket')
  const guest = browser()
  for (const type of types.filter(type => !type.includes('urlencoded'))) {
    const response = await guest.request({
      method: 'POST',
      url: '/start',
      payload: `ticket=${ticket}`,
      headers: { 'content-type': type }
    })
    t.ok([400, 415].includes(response.statusCode), `${type} answered ${response.statusCode}`)
  }
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const used = await guest.request({ method: 'POST', url: '/start', payload: `ticket=${ticket}`, headers: form })
  t.equal(used.statusCode, 303, 'the ticket was not used up')
})
