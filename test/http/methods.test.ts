import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { enter, isProblem } from '../helper.ts'

t.test('[R105] methods › a wrong method › 405 with those allowed; an unknown path › 404', async t => {
  const { app } = await enter(t)
  for (const [method, url, allow] of [
    ['POST', '/livez', 'GET, HEAD'],
    ['PUT', '/connections/abc', 'DELETE, GET'],
    ['HEAD', '/auth/google/callback', 'GET'],
    ['DELETE', '/v1/connections/abc/token', 'POST']
  ] as const) {
    const response = await app.inject({ method, url })
    t.equal(response.statusCode, 405, `${method} ${url}`)
    t.equal(response.headers.allow, allow)
    if (method !== 'HEAD') isProblem(t, response, 405, 'method_not_allowed')
  }
  isProblem(t, await app.inject({ method: 'POST', url: '/nowhere' }), 404, 'not_found')
  isProblem(t, await app.inject({ method: 'GET', url: '/connections/a/b/c' }), 404, 'not_found')
})

t.test('[R98] raw requests › refused by the parser › answered with a problem too', async t => {
  const { app } = await enter(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const send = async (bytes: string) => {
    const socket = connect(port, '127.0.0.1')
    socket.end(bytes)
    return text(socket)
  }
  const overflow = await send(`GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(17 * 1024)}\r\n\r\n`)
  t.match(overflow, /^HTTP\/1\.1 431 .*"code":"headers_too_large"/s)
  const garbage = await send('GARBAGE\r\n\r\n')
  t.match(garbage, /^HTTP\/1\.1 400 .*"code":"invalid_request"/s)
})
