import t from 'tap'
import { build, isProblem } from '../helper.ts'

t.test('vend › without a key is refused', async t => {
  const { app, signedIn } = await build(t)
  const connection = await (await signedIn()).connected()
  const response = await app.inject({ method: 'POST', url: `/v1/connections/${connection.id}/token` })
  isProblem(t, response, 401, 'backend_key_invalid')
  t.match(response.headers['www-authenticate'], /^Bearer/)
})

t.test('[R88] vend › the answer holds what RFC 6749 names and nothing more', async t => {
  const { app, google, signedIn, clock } = await build(t)
  const connection = await (await signedIn()).connected()
  const { key } = await app.backendKeys.create({ name: 'test', operations: ['tokens:vend'], services: null, expiresAt: null })
  const vend = () =>
    app.inject({ method: 'POST', url: `/v1/connections/${connection.id}/token`, headers: { authorization: `Bearer ${key}` } })

  const first = await vend()
  t.equal(first.statusCode, 200)
  t.same(Object.keys(first.json()).sort(), ['access_token', 'expires_in', 'scope', 'token_type'])
  t.equal(first.headers['cache-control'], 'no-store')
  t.equal(google.ledger.canOpen(first.json().access_token), connection.account.sub)

  clock.advance(3_600_000)
  const second = await vend()
  t.not(second.json().access_token, first.json().access_token)
  t.equal(google.ledger.canOpen(second.json().access_token), connection.account.sub)
})
