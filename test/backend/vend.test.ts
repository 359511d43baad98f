import t from 'tap'
import { enter, isProblem } from '../helper.ts'
import { createBackend } from './backend.ts'

t.test('vend › without a key is refused', async t => {
  const { app, signedIn } = await enter(t)
  const connection = await (await signedIn()).connected()
  const response = await app.inject({ method: 'POST', url: `/v1/connections/${connection.id}/token` })
  isProblem(t, response, 401, 'backend_key_invalid')
  t.match(response.headers['www-authenticate'], /^Bearer/)
})

t.test('[R88] vend › the answer holds the fields of RFC 6749 and nothing more', async t => {
  const { app, google, signedIn, clock } = await enter(t)
  const connection = await (await signedIn()).connected()
  const { vend } = await createBackend(app)

  const first = await vend(connection.id)
  t.equal(first.statusCode, 200)
  t.same(Object.keys(first.json()).sort(), ['access_token', 'expires_in', 'scope', 'token_type'])
  t.equal(first.json().token_type, 'Bearer')
  t.same(first.json().scope.split(' ').sort(), [...connection.grantedScopes].sort())
  t.equal(first.headers['cache-control'], 'no-store')
  t.match(first.headers['content-type'], /^application\/json/)
  t.equal(google.ledger.canOpen(first.json().access_token), connection.account.sub)

  clock.advance(3_600_000)
  const second = await vend(connection.id)
  t.not(second.json().access_token, first.json().access_token)
  t.equal(google.ledger.canOpen(second.json().access_token), connection.account.sub)
  t.same(Object.keys(second.json()).sort(), ['access_token', 'expires_in', 'scope', 'token_type'], 'refreshed too')

  // Google's answers hold id_token and refresh_token; whatever of them is stored stays here.
  for (const { body, headers } of [first, second]) {
    const found = google.ledger.find(body + JSON.stringify(headers))
    t.same([...new Set(found.map(({ kind }) => kind))], ['access_token'])
  }
  t.same(google.violations, [])
})

t.test('[R88] vend › no body, an empty one or null › the same answer', async t => {
  const { app, signedIn } = await enter(t)
  const { id } = await (await signedIn()).connected()
  const { key } = await createBackend(app)
  const url = `/v1/connections/${id}/token`
  const authorization = `Bearer ${key}`
  for (const [payload, type] of [
    [undefined, undefined],
    ['{}', 'application/json'],
    ['null', 'application/json'],
    ['{"minTtlSeconds":0}', 'application/json'],
    ['{"minTtlSeconds":3000}', 'application/json; charset=utf-8']
  ]) {
    const headers = { authorization, ...(type && { 'content-type': type }) }
    const { statusCode } = await app.inject({ method: 'POST', url, headers, ...(payload && { payload }) })
    t.equal(statusCode, 200, `${payload}`)
  }
  for (const minTtlSeconds of [-1, 3001, 1e9, 1.5, '60', null, [60], {}]) {
    const response = await app.inject({ method: 'POST', url, headers: { authorization }, payload: { minTtlSeconds } })
    isProblem(t, response, 400, 'invalid_request')
  }
})
