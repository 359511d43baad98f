import t from 'tap'
import { enter, isProblem } from '../helper.ts'
import { createKey, operationsOf, toRequest } from './operations.ts'
import { listen, send } from './raw.ts'

const odd = [
  '%00',
  'a%00b',
  '%0d%0aX-Planted:%201',
  '%0a',
  '%c0%af',
  '%ff%fe',
  '%ed%a0%80',
  '%u0000',
  '%',
  '%zz',
  '%e2%80%a8',
  '%F0%9F%97%9D',
  '..%2f',
  '%09'
]

t.test('[R97] inert › odd bytes anywhere in a request › refused, and add no header', async t => {
  const { app, google, signedIn } = await enter(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const authorization = await createKey(app)
  const wrong: string[] = []
  for (const operation of await operationsOf(app)) {
    const { method, path, pathNames, queryNames } = operation
    if (method === 'DELETE') continue
    const headers = path.startsWith('/v1') ? { authorization } : {}
    for (const bytes of odd) {
      for (const name of pathNames) {
        const request = toRequest(operation, { path: { ...(name !== 'id' && { id }), [name]: bytes } })
        const response = await ada.request({ ...request, headers: { ...request.headers, ...headers } })
        if (![400, 404].includes(response.statusCode))
          wrong.push(`${method} ${path}: ${name} = ${bytes} answered ${response.statusCode}`)
        if (response.headers['x-planted']) wrong.push('a header was added')
      }
      for (const name of queryNames) {
        const request = toRequest(operation, { path: { id }, query: `${name}=${bytes}&${bytes}=1` })
        const response = await ada.request({ ...request, headers: { ...request.headers, ...headers } })
        if (response.statusCode >= 500) wrong.push(`${method} ${path}?${name}=${bytes} answered ${response.statusCode}`)
        if (response.headers['x-planted']) wrong.push('a header was added')
        if (/[\r\n\0]/.test(response.headers.location ?? '')) wrong.push('a location was split')
      }
    }
  }
  t.equal(google.requestsTo('gmail').length, 0)
  t.same(wrong, [])
  t.same(google.violations, [])
})

t.test('[R97] inert › a body cannot reach an object’s prototype', async t => {
  const { app, signedIn } = await enter(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const authorization = await createKey(app)
  const bodies = [
    '{"__proto__":{"polluted":1}}',
    '{"constructor":{"prototype":{"polluted":1}}}',
    '{"externalId":"x","__proto__":{"polluted":1}}',
    '{"externalId":"x","constructor":{"prototype":{"polluted":1}}}',
    '{"addLabels":["STARRED"],"\\u005f_proto__":{"polluted":1}}',
    '{"addLabels":{"__proto__":["STARRED"]}}',
    '{"toString":1}',
    '{"hasOwnProperty":"x","length":1}'
  ]
  const urls = ['/v1/tickets', `/v1/connections/${id}/token`, `/connections/${id}/gmail/messages/m1/modify`]
  for (const url of urls) {
    for (const payload of bodies) {
      const response = await ada.request({
        method: 'POST',
        url,
        payload,
        headers: { 'content-type': 'application/json', authorization }
      })
      isProblem(t, response, 400, 'invalid_request')
    }
  }
  for (const query of [
    '__proto__=1',
    '__proto__[polluted]=1',
    'constructor[prototype][polluted]=1',
    'constructor=1',
    'toString=1'
  ]) {
    t.equal((await ada.fetch(`/connect/gmail?${query}`)).statusCode, 200, 'a start takes what it does not know')
    isProblem(
      t,
      await app.inject({ url: `/v1/connections?${query}`, headers: { authorization } }),
      400,
      'invalid_request'
    )
  }
  t.equal(({} as Record<string, unknown>).polluted, undefined)
  t.equal((await ada.fetch('/auth/session')).json().polluted, undefined)
})

t.test('[R97] inert › JSON too deep, with lone surrogates, repeats or wrong types › refused', async t => {
  const { app, signedIn } = await enter(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const authorization = await createKey(app)
  const deep = 100_000
  const payloads = [
    `${'['.repeat(deep)}${']'.repeat(deep)}`,
    `${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}`,
    `{"externalId":${'['.repeat(deep)}${']'.repeat(deep)}}`,
    '{"externalId":"\\u0000"}',
    '{"externalId":"a\\r\\nb"}',
    '{"externalId":""}',
    '{"externalId":1e400}',
    '{"externalId":["x"]}',
    '{"externalId":"x","externalId":["y"]}',
    '{"externalId":"x",}',
    "{'externalId':'x'}",
    '{"externalId":NaN}',
    '[]',
    '"x"',
    '12',
    'null',
    '',
    '\ufeff{}',
    '{',
    '\0'
  ]
  for (const payload of payloads) {
    const response = await app.inject({
      method: 'POST',
      url: '/v1/tickets',
      payload,
      headers: { 'content-type': 'application/json', authorization }
    })
    isProblem(t, response, 400, 'invalid_request')
  }
  const half = await app.inject({
    method: 'POST',
    url: '/v1/tickets',
    payload: '{"externalId":"\\ud800"}',
    headers: { 'content-type': 'application/json', authorization }
  })
  t.ok([201, 400].includes(half.statusCode), `half a character answered ${half.statusCode}`)
  for (const query of [
    'returnTo=/a&returnTo=/b',
    'loginHint=a@b.c&loginHint=d@e.f',
    `connectionId=${id}&connectionId=${id}`
  ]) {
    isProblem(t, await ada.fetch(`/connect/gmail?${query}`), 400, 'invalid_request')
  }
  isProblem(t, await ada.fetch(`/connections/${id}/gmail/messages?q=a&q=b`), 400, 'invalid_request')
  isProblem(t, await ada.fetch(`/connections/${id}/gmail/messages?limit=1&limit=2`), 400, 'invalid_request')
  t.equal((await ada.fetch('/auth/session')).statusCode, 200)
})

t.test('[R96][R97] inert › arbitrary bytes over a socket › an answer or a close, never a 5xx', async t => {
  const { app } = await enter(t)
  const port = await listen(app)
  const head = 'Host: localhost\r\nConnection: close\r\n'
  const json = `${head}Content-Type: application/json\r\n`
  const requests: (string | Buffer)[] = [
    '',
    '\r\n\r\n',
    '\0\0\0\0',
    Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]),
    'GET',
    'GET / HTTP/9.9\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    'BREW / HTTP/1.1\r\nHost: x\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    `OPTIONS * HTTP/1.1\r\n${head}\r\n`,
    `CONNECT evil.example:443 HTTP/1.1\r\n${head}\r\n`,
    `GET http://evil.example/connections HTTP/1.1\r\n${head}\r\n`,
    `GET http://[::1 HTTP/1.1\r\n${head}\r\n`,
    `GET //evil.example/connections HTTP/1.1\r\n${head}\r\n`,
    `GET /connections/../livez HTTP/1.1\r\n${head}\r\n`,
    `GET /\xff\xfe HTTP/1.1\r\n${head}\r\n`,
    `GET /livez#x HTTP/1.1\r\n${head}\r\n`,
    `GET /livez HTTP/1.1\r\n${head}X: a\0b\r\n\r\n`,
    `GET /livez HTTP/1.1\r\n${head}X: a\r\n b\r\n\r\n`,
    `GET /livez HTTP/1.1\r\n${head}X : a\r\n\r\n`,
    `GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`,
    `POST /v1/tickets HTTP/1.1\r\n${json}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `POST /v1/tickets HTTP/1.1\r\n${json}Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}`,
    `POST /v1/tickets HTTP/1.1\r\n${json}Content-Length: -1\r\n\r\n{}`,
    `POST /v1/tickets HTTP/1.1\r\n${json}Content-Length: 10\r\n\r\n{}`,
    `POST /v1/tickets HTTP/1.1\r\n${json}Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n`,
    `POST /v1/tickets HTTP/1.1\r\n${json}Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    `POST /v1/tickets HTTP/1.1\r\n${json}Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}`,
    `POST /v1/tickets HTTP/1.1\r\n${json}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}`,
    `GET /livez HTTP/1.1\r\n${head}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    `GET /livez HTTP/1.1\r\n${'X: y\r\n'.repeat(3000)}\r\n`
  ]
  for (const bytes of requests) {
    const { status, text } = await send(port, bytes)
    t.ok(
      status === undefined || (status < 500 && status >= 200),
      `${JSON.stringify(String(bytes).slice(0, 60))} answered ${text.slice(0, 40)}`
    )
  }
  const { text } = await send(port, `GET /connections/../livez HTTP/1.1\r\n${head}\r\n`)
  t.notMatch(text, '"status":"ok"', 'dots are not walked')
  t.equal((await send(port, `GET /livez HTTP/1.1\r\n${head}\r\n`)).status, 200, 'and it lives')
})
