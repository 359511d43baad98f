import t from 'tap'
import { build, isProblem } from '../helper.ts'

const routes = [
  '/auth/google',
  '/auth/google/callback?state=x&code=y',
  '/connect/gmail',
  '/connect/gmail/callback?state=x&code=y',
  '/connect/drive',
  '/start?ticket=x'
]

t.test('[R103] rate limits › starts and callbacks are counted together, whichever they are', async t => {
  const { app, clock } = await build(t, { environment: { RATE_LIMIT_STARTS: String(routes.length) } })
  for (const url of routes) t.not((await app.inject(url)).statusCode, 429, url)
  for (const url of routes) {
    const response = await app.inject(url)
    isProblem(t, response, 429, 'rate_limited')
    const wait = Number(response.headers['retry-after'])
    t.ok(wait >= 1 && wait <= 60, `${url}: come back in ${wait} s`)
  }
  t.equal((await app.inject({ url: '/auth/google', remoteAddress: '198.51.100.7' })).statusCode, 200, 'another client')
  clock.advance(59_000)
  isProblem(t, await app.inject('/auth/google'), 429, 'rate_limited')
  clock.advance(1_001)
  t.equal((await app.inject('/auth/google')).statusCode, 200, 'after a minute')
})

t.test(
  '[R103] rate limits › a backend key is counted for itself, and neither by its address nor by a start',
  async t => {
    const { app } = await build(t, { environment: { RATE_LIMIT_STARTS: '1', RATE_LIMIT_KEY: '2' } })
    const key = async () =>
      (await app.backendKeys.create({ name: 'b', operations: ['connections:read'], services: null, expiresAt: null }))
        .key
    const ask = async (authorization: string) =>
      (await app.inject({ url: '/v1/connections', headers: { authorization: `Bearer ${authorization}` } })).statusCode
    const [one, other] = [await key(), await key()]
    t.equal((await app.inject('/auth/google')).statusCode, 200)
    t.same([await ask(one), await ask(one), await ask(one)], [200, 200, 429])
    t.equal(await ask(other), 200)
  }
)

t.test('[R103] rate limits › 0 is off', async t => {
  const { app } = await build(t, { environment: { RATE_LIMIT_STARTS: '0', RATE_LIMIT_KEY: '0' } })
  for (let n = 0; n < 400; n++) if ((await app.inject('/auth/google')).statusCode !== 200) t.fail(`request ${n}`)
  t.pass()
})
