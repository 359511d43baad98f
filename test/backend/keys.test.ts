import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import t, { type Test } from 'tap'
import { build, collectionsOf, isProblem, problemOf } from '../helper.ts'
import { createBackend } from './backend.ts'

/** Records the comparisons in constant time from now on, both sides as text. */
function watchCompares(t: Test): string[][] {
  const { timingSafeEqual } = crypto
  const compared: string[][] = []
  crypto.timingSafeEqual = (a, b) => {
    compared.push([a, b].map(side => Buffer.from(side as Uint8Array).toString()))
    return timingSafeEqual(a, b)
  }
  syncBuiltinESMExports()
  t.teardown(() => {
    crypto.timingSafeEqual = timingSafeEqual
    syncBuiltinESMExports()
  })
  return compared
}

t.test('[R84] backend key › none, wrong, revoked, expired, or a cookie instead › the same refusal', async t => {
  const world = await build(t)
  const { app, clock, signedIn } = world
  const ada = await signedIn()
  const { id } = await ada.connected()
  const good = await createBackend(app)
  const revoked = await createBackend(app)
  await app.backendKeys.revoke(revoked.id)
  const expired = await createBackend(app, { expiresAt: new Date(clock.nowMs() + 1000) })
  t.equal((await expired.vend(id)).statusCode, 200, 'until then it opens')
  clock.advance(1000)

  const otherSecret = `${good.key.slice(0, -4)}${good.key.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
  const cookie = [...ada.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const presented: Record<string, Record<string, string>> = {
    none: {},
    'only a cookie': { cookie },
    empty: { authorization: '' },
    'no scheme': { authorization: good.key },
    'another scheme': { authorization: `Basic ${Buffer.from(`x:${good.key}`).toString('base64')}` },
    'another header': { 'x-api-key': good.key },
    'no key': { authorization: 'Bearer ' },
    'not of our form': { authorization: 'Bearer ya29.something' },
    unknown: { authorization: `Bearer gk_${'0'.repeat(16)}_${'A'.repeat(43)}` },
    'known id, other secret': { authorization: `Bearer ${otherSecret}` },
    'cut short': { authorization: `Bearer ${good.key.slice(0, -1)}` },
    'one more': { authorization: `Bearer ${good.key}A` },
    twice: { authorization: `Bearer ${good.key} ${good.key}` },
    'with the cookie of the user': { authorization: `Bearer ${otherSecret}`, cookie },
    revoked: { authorization: `Bearer ${revoked.key}` },
    expired: { authorization: `Bearer ${expired.key}` },
    'very long': { authorization: `Bearer ${'A'.repeat(8000)}` }
  }
  const routes = [
    ['POST', `/v1/connections/${id}/token`],
    ['GET', '/v1/connections'],
    ['GET', `/v1/connections/${id}`],
    ['DELETE', `/v1/connections/${id}`],
    ['POST', '/v1/tickets'],
    ['GET', '/v1/events'],
    ['GET', `/v1/connections/${id}/gmail/messages`]
  ] as const
  const answers = new Set<string>()
  for (const [method, url] of routes) {
    for (const [name, headers] of Object.entries(presented)) {
      const response = await app.inject({ method, url, headers })
      isProblem(t, response, 401, 'backend_key_invalid')
      t.equal(response.headers['www-authenticate'], 'Bearer realm="guichet"', `${name} ${url}`)
      t.equal(response.headers['set-cookie'], undefined)
      const { requestId: _, instance: __, ...rest } = problemOf(response)
      answers.add(JSON.stringify(rest))
    }
  }
  t.equal(answers.size, 1, 'nobody learns which it was')
  t.equal((await good.vend(id)).statusCode, 200, 'and the good one opens')
  t.same(world.google.violations, [])
})

t.test('[R84] backend key › its scheme in any case, blanks after it › taken (RFC 9110, 11.4)', async t => {
  const { app } = await build(t)
  const { key } = await createBackend(app)
  for (const authorization of [`bearer ${key}`, `BEARER ${key}`, `Bearer  ${key}`])
    t.equal((await app.inject({ url: '/v1/connections', headers: { authorization } })).statusCode, 200, authorization)
})

t.test('[R84] backend key › on the browser’s routes › counts as no session', async t => {
  const { app, signedIn } = await build(t)
  const { id } = await (await signedIn()).connected()
  const { fetch } = await createBackend(app)
  for (const [method, url] of [
    ['GET', '/auth/session'],
    ['GET', '/connect/gmail'],
    ['GET', '/connections'],
    ['GET', `/connections/${id}`],
    ['DELETE', `/connections/${id}`],
    ['GET', `/connections/${id}/gmail/messages`],
    ['DELETE', '/auth/user']
  ] as const) {
    isProblem(t, await fetch(url, method), 401, 'unauthenticated')
  }
  t.equal((await fetch(`/v1/connections/${id}`)).statusCode, 200, 'and the connection is still there')
})

t.test('[R60] backend key › 256 random bits, shown once and stored hashed', async t => {
  const { app } = await build(t)
  const made = await Promise.all(Array.from({ length: 50 }, () => createBackend(app)))
  t.equal(new Set(made.map(({ key }) => key.slice(-43))).size, 50)
  for (const { id, key } of made) {
    t.match(key, /^gk_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/)
    t.equal(Buffer.from(key.slice(-43), 'base64url').length, 32)
    t.ok(key.includes(id), 'its public half tells which it is')
  }

  const dump = JSON.stringify([await collectionsOf(app).backendKeys.find().toArray(), await app.backendKeys.list()])
  for (const { key } of made) {
    const secret = key.slice(-43)
    for (const spelling of [
      secret,
      Buffer.from(key).toString('base64').slice(24, -4),
      Buffer.from(secret).toString('hex')
    ])
      t.notOk(dump.includes(spelling))
    t.ok(
      dump.includes(crypto.createHash('sha256').update(key).digest('base64url')) ||
        dump.includes(crypto.createHash('sha256').update(key).digest('hex')),
      'its hash is all there is'
    )
  }
})

t.test('[R85] backend key › compared › in constant time, and never the key itself', async t => {
  const { app, signedIn } = await build(t)
  const { id } = await (await signedIn()).connected()
  const good = await createBackend(app)
  const stored = (await collectionsOf(app).backendKeys.findOne({ _id: good.id }))?.hash

  const compared = watchCompares(t)
  const forged = `${good.key.slice(0, -1)}${good.key.endsWith('A') ? 'B' : 'A'}`
  const authorization = `Bearer ${forged}`
  const refused = await app.inject({ method: 'POST', url: `/v1/connections/${id}/token`, headers: { authorization } })
  isProblem(t, refused, 401, 'backend_key_invalid')
  t.equal((await good.vend(id)).statusCode, 200)
  t.equal(compared.length, 2, 'the wrong one and the right one alike')
  for (const sides of compared) {
    t.ok(sides.includes(stored ?? 'none'))
    t.notOk(sides.some(side => side.includes(good.key) || side.includes(forged)))
  }
})

t.test('[R85] metrics token › compared › in constant time, and never the token itself', async t => {
  const token = 'a token for metrics'
  const { app } = await build(t, { environment: { METRICS_TOKEN: token } })
  const compared = watchCompares(t)
  const ask = (presented: string) => app.inject({ url: '/metrics', headers: { authorization: `Bearer ${presented}` } })
  // Of every length: a comparison that checks the length first would reveal it.
  const wrong = ['a token for metricz', 'A token for metrics', 'a', `${token}s`, '']
  for (const presented of wrong) isProblem(t, await ask(presented), 401, 'unauthenticated')
  isProblem(t, await app.inject('/metrics'), 401, 'unauthenticated')
  t.equal((await ask(token)).statusCode, 200)
  t.equal(compared.length, wrong.length + 2, 'each wrong one, none at all and the right one alike')
  t.equal(new Set(compared.map(([, expected]) => expected)).size, 1, 'with what is right')
  t.notOk(compared.flat().some(side => side.includes('token for')))
})

t.test('[R85] session cookie › its signature compared › in constant time, by each secret of the ring', async t => {
  const [newer, older] = ['the newer secret of 32 characters or more', 'the older secret of 32 characters or more']
  const world = await build(t, { environment: { SESSION_SECRETS: older } })
  const ada = await world.signedIn()
  const [name, cookie = ''] = [...ada.cookies][0] ?? []
  const [value = '', signature = ''] = decodeURIComponent(cookie).split('.')
  const forged = `${signature.slice(0, -1)}${signature.endsWith('A') ? 'E' : 'A'}`
  const both = await world.replica({ SESSION_SECRETS: `${newer},${older}` })
  const compared = watchCompares(t)
  const hmac = (secret: string) =>
    crypto.createHmac('sha256', secret).update(value).digest('base64').replaceAll('=', '')
  const asPair = (sides: string[]) => sides.sort().join(' ')
  // With one secret only the session's plugin compares; with more, ours compares first.
  for (const [at, secrets] of [
    [world.app, [older]],
    [both, [newer, older]]
  ] as const) {
    const ask = (presented: string) =>
      at.inject({ url: '/auth/session', headers: { cookie: `${name}=${encodeURIComponent(`${value}.${presented}`)}` } })
    isProblem(t, await ask(forged), 401, 'unauthenticated')
    const refused = compared.splice(0).map(asPair)
    for (const secret of secrets) t.ok(refused.includes(asPair([forged, hmac(secret)])), `refused by ${secret}`)
    t.equal((await ask(signature)).statusCode, 200)
    t.ok(compared.splice(0).map(asPair).includes(`${signature} ${signature}`), 'the right one alike')
  }
})

t.test('[R86] backend key › in query or body › refused, and not logged', async t => {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const { app, signedIn } = await build(t, { logger: { level: 'trace', stream } })
  const { id } = await (await signedIn()).connected()
  const { key } = await createBackend(app)
  for (const name of ['api_key', 'apiKey', 'key', 'access_token', 'token', 'authorization']) {
    for (const url of [`/v1/connections/${id}/token?${name}=${key}`, `/v1/tickets?${name}=Bearer%20${key}`]) {
      isProblem(t, await app.inject({ method: 'POST', url }), 401, 'backend_key_invalid')
    }
    isProblem(t, await app.inject({ url: `/v1/connections?${name}=${key}` }), 401, 'backend_key_invalid')
    const payload = { [name]: key }
    const url = `/v1/connections/${id}/token`
    isProblem(t, await app.inject({ method: 'POST', url, payload }), 401, 'backend_key_invalid')
    // Beside a good header it widens nothing, and is refused where members are known.
    const headers = { authorization: `Bearer ${key}` }
    isProblem(t, await app.inject({ method: 'POST', url, payload, headers }), 400, 'invalid_request')
    isProblem(t, await app.inject({ url: `/v1/connections?${name}=${key}`, headers }), 400, 'invalid_request')
  }
  t.ok(lines.length > 30, 'there is a log')
  t.notOk(lines.join('').includes(key.slice(-43)))
})

t.test('[R89] backend key › revoked › invalid at every replica within 5 seconds, other keys unaffected', async t => {
  const { app, clock, replica, signedIn } = await build(t)
  const { id } = await (await signedIn()).connected()
  const replicas = [app, await replica(), await replica()]
  const [old, next] = [await createBackend(app), await createBackend(app)]
  for (const at of replicas) {
    for (const { vend } of [old, next]) t.equal((await vend(id, undefined, at)).statusCode, 200, 'two at once')
  }

  t.equal(await app.backendKeys.revoke(old.id), true)
  t.equal(await app.backendKeys.revoke(old.id), false, 'once')
  t.equal(await app.backendKeys.revoke('0000000000000000'), false)
  clock.advance(5000)
  for (const at of replicas) {
    isProblem(t, await old.vend(id, undefined, at), 401, 'backend_key_invalid')
    t.equal((await next.vend(id, undefined, at)).statusCode, 200)
  }
})

t.test('[R89] backend key › revoked while it is in constant use › invalid within 5 seconds', async t => {
  const { app, clock, signedIn } = await build(t)
  const { id } = await (await signedIn()).connected()
  const { id: keyId, vend } = await createBackend(app)
  await vend(id)
  await app.backendKeys.revoke(keyId)
  let lastGoodMs = 0
  for (let ms = 0; ms <= 10_000; ms += 500) {
    if ((await vend(id)).statusCode === 200) lastGoodMs = ms
    clock.advance(500)
  }
  t.ok(lastGoodMs <= 5000, `the last answer came after ${lastGoodMs} ms`)
})

t.test('[R89] backend key › revoked while the clock is set back › invalid within 5 seconds', async t => {
  const { app, clock, signedIn } = await build(t)
  const { id } = await (await signedIn()).connected()
  const { id: keyId, vend } = await createBackend(app)
  t.equal((await vend(id)).statusCode, 200)
  await app.backendKeys.revoke(keyId)
  clock.advance(-600_000)
  isProblem(t, await vend(id), 401, 'backend_key_invalid')
})
