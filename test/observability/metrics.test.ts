import t from 'tap'
import { createMetrics } from '../../src/observability/metrics.ts'
import { build, isProblem } from '../helper.ts'
import { listen, send } from '../http/raw.ts'

const token = 'a token for metrics of 32 characters'
const authorization = `Bearer ${token}`

t.test('[R107] metrics › every error answer is counted, also one from outside the routes', async t => {
  const { app } = await build(t, { environment: { METRICS_TOKEN: token } })
  const port = await listen(app)
  await app.inject('/no-such-thing')
  await app.inject({ method: 'PUT', url: '/livez' })
  await app.inject('/connections')
  await app.inject('/%c0%af')
  await app.inject(`/connections/${'a'.repeat(1100)}`)
  await send(port, `GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(17 * 1024)}\r\n\r\n`)
  const { body } = await app.inject({ url: '/metrics', headers: { authorization } })
  const counted = Object.fromEntries(
    [...body.matchAll(/^guichet_problems_total\{code="(\w+)"\} (\d+)$/gm)].map(([, code, count]) => [
      code,
      Number(count)
    ])
  )
  t.same(counted, {
    not_found: 1,
    method_not_allowed: 1,
    unauthenticated: 1,
    invalid_request: 1,
    uri_too_long: 1,
    headers_too_large: 1
  })
})

t.test('[R84] metrics › without its token › 401 with WWW-Authenticate', async t => {
  const { app } = await build(t, { environment: { METRICS_TOKEN: token } })
  for (const headers of [{}, { authorization: 'Bearer other' }, { authorization: token }]) {
    const response = await app.inject({ url: '/metrics', headers })
    isProblem(t, response, 401, 'unauthenticated')
    t.match(response.headers['www-authenticate'], /^Bearer realm="[^"]+"$/)
  }
  t.equal((await app.inject({ url: '/metrics', headers: { authorization } })).statusCode, 200)
  const lower = { authorization: `bearer ${token}` }
  t.equal((await app.inject({ url: '/metrics', headers: lower })).statusCode, 200, 'a scheme is in any case')
})

t.test('openapi.json › building it fails › the next request builds it again', async t => {
  const { app } = await build(t)
  const { publicUrl } = app.config
  app.config.publicUrl = {} as URL
  isProblem(t, await app.inject('/openapi.json'), 500, 'internal')
  app.config.publicUrl = publicUrl
  t.equal((await app.inject('/openapi.json')).statusCode, 200)
})

t.test('metrics › two apps in one process › share only the process’s figures', async t => {
  const [one, other] = [createMetrics(), createMetrics()]
  one.countProblem('internal')
  const [ofOne, ofOther] = await Promise.all([one.text(), other.text()])
  t.match(ofOne, 'guichet_problems_total{code="internal"} 1')
  t.notMatch(ofOther, 'code="internal"')
  for (const text of [ofOne, ofOther]) t.equal(text.split('# TYPE guichet_process_cpu_seconds_total ').length, 2)
})
