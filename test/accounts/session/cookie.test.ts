import fastifyCookie from '@fastify/cookie'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { parseConfig } from '../../../src/config/config.ts'
import { ConfigError } from '../../../src/config/config-error.ts'
import { toSessionCookie } from '../../../src/http/session-cookie.ts'
import { type Browser, build, enter, isProblem, localPath } from '../../helper.ts'

const name = 'guichet-3000'
const behindProxy = { PUBLIC_URL: 'https://auth.example.com', TRUST_PROXY: 'loopback' }
const overTls = { 'x-forwarded-proto': 'https' }

const cookieOf = (browser: Browser, of = name) => browser.cookies.get(of) ?? ''
/** The session id inside a signed cookie value. */
const idOf = (cookie: string) => decodeURIComponent(cookie).split('.')[0] ?? ''
const whoIs = (app: FastifyInstance, cookie: string) =>
  app.inject({ method: 'GET', url: '/auth/session', headers: { cookie } })

t.test('[R36] cookie › forged, cut, unsigned or malformed › anonymous, and never a 5xx', async t => {
  const { app, signedIn, environment } = await enter(t)
  const good = cookieOf(await signedIn())
  const id = idOf(good)
  const random = 'Zm9yZ2VkLWJ5LW5vYm9keS1hdC1hbGwtMTIzNDU2Nzg'
  const signed = (value: string, secret: string) => encodeURIComponent(fastifyCookie.sign(value, secret))
  const own = environment.SESSION_SECRETS ?? ''
  for (const [what, value] of [
    ['random', random],
    ['random, with our signature', signed(random, own)],
    ['another id with this signature', good.replace(id, random)],
    ['cut', good.slice(0, -1)],
    ['cut in the middle', good.slice(0, 20)],
    ['last letter of the id changed', good.replace(id, `${id.slice(0, -1)}${id.endsWith('A') ? 'B' : 'A'}`)],
    ['signed with another key', signed(id, 'another secret of 32 characters or more')],
    ['signed with an empty key', `${id}.`],
    ['unsigned', id],
    ['empty', ''],
    ['4 KiB', 'x'.repeat(4096)],
    ['4 KiB, with our signature', signed('x'.repeat(4096), own)],
    ['unicode', '☃é\u00a0'],
    ['unicode, encoded', encodeURIComponent('☃é')],
    ['bad percent signs', '%E0%A4%A'],
    ['NUL', '%00'],
    ['an object', signed('{"$ne":null}', own)],
    ['a prototype', signed('__proto__', own)]
  ] as const) {
    const cookie = `${name}=${value}`
    isProblem(t, await whoIs(app, cookie), 401, 'unauthenticated')
    for (const [method, url, status] of [
      ['GET', '/connections', 401],
      ['GET', '/services', 200],
      ['GET', '/connect/gmail', 401],
      ['GET', '/auth/google', 200],
      ['DELETE', '/auth/user', 401],
      ['DELETE', '/auth/session', 204]
    ] as const) {
      const response = await app.inject({ method, url, headers: { cookie } })
      t.equal(response.statusCode, status, `${what}: ${method} ${url}`)
    }
  }
  t.equal((await whoIs(app, `${name}=${good}`)).statusCode, 200, 'the true one is still signed in')
})

t.test('[R36] cookie › beside a malformed Authorization header › the cookie decides', async t => {
  const { app, signedIn } = await enter(t)
  const cookie = `${name}=${cookieOf(await signedIn())}`
  for (const authorization of ['', 'Basic %%%', 'Bearer', 'Bearer  ', 'é☃', `Bearer ${'x'.repeat(4096)}`, 'a\tb']) {
    const url = '/auth/session'
    isProblem(t, await app.inject({ url, headers: { authorization } }), 401, 'unauthenticated')
    t.equal((await app.inject({ url, headers: { authorization, cookie } })).statusCode, 200, 'the cookie decides')
  }
})

t.test('[R36] cookie › the session id has 128 bits or more, and never repeats', async t => {
  const { browser } = await enter(t)
  const ids = new Set<string>()
  for (let i = 0; i < 200; i++) {
    const one = browser()
    await one.fetch('/auth/google')
    ids.add(idOf(cookieOf(one)))
  }
  t.equal(ids.size, 200)
  for (const id of ids) t.match(id, /^[A-Za-z0-9_-]{22,}$/)
  const letters = new Set([...ids].join(''))
  t.ok(letters.size > 60, 'drawn from the whole alphabet')
})

t.test('[R42] cookie › behind https: __Host-, Secure, HttpOnly, Lax, Path=/, no Domain', async t => {
  const { browser, google } = await build(t, { environment: behindProxy })
  const ada = browser()
  const started = await ada.request({ url: '/auth/google', headers: overTls })
  const callback = localPath(google.consent(started.json().url))
  const finished = await ada.request({ url: callback, headers: overTls })
  t.equal(finished.statusCode, 200)
  for (const { headers } of [started, finished]) {
    const [line = '', ...more] = [headers['set-cookie'] ?? []].flat()
    t.same(more, [], 'one cookie')
    const [pair = '', ...attributes] = line.split('; ')
    t.match(pair, /^__Host-guichet=[^;,\s]+$/)
    const kept = attributes.filter(attribute => !/^(Max-Age|Expires)=/.test(attribute))
    t.same(kept.sort(), ['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure'])
    t.ok(Buffer.byteLength(line) < 4096)
  }
  const out = await ada.request({ method: 'DELETE', url: '/auth/session', headers: overTls })
  t.match(out.headers['set-cookie'], /^__Host-guichet=;/)
  // A browser takes no __Host- cookie that is not Secure, not even one that ends it.
  t.match(out.headers['set-cookie'], /; Secure/)
  t.match(out.headers['set-cookie'], /; Max-Age=0/)
})

t.test('[R42] cookie › on localhost over http: the same without Secure and without the prefix', async t => {
  const { app } = await enter(t)
  const line = String((await app.inject('/auth/google')).headers['set-cookie'])
  const [pair = '', ...attributes] = line.split('; ')
  t.match(pair, /^guichet-3000=/)
  const kept = attributes.filter(attribute => !/^(Max-Age|Expires)=/.test(attribute))
  t.same(kept.sort(), ['HttpOnly', 'Path=/', 'SameSite=Lax'])
})

t.test('[R43] cookie › a second one set by a neighbouring domain › the valid one or none, never the other', async t => {
  const { app, signedIn } = await enter(t)
  const good = cookieOf(await signedIn())
  const evil = cookieOf(await signedIn('bob@example.com'))
  for (const header of [
    `guichet-3000=${evil}; guichet-3000=${good}`,
    `guichet-3000=${good}; guichet-3000=${evil}`,
    `guichet-3000=${evil};guichet-3000=${good}`,
    `guichet-3000 =${evil}; guichet-3000=${good}`,
    `guichet-3000\t=${evil}; guichet-3000=${good}`,
    `guichet-3000="${evil}"; guichet-3000=${good}`,
    `guichet-3000=${evil}, guichet-3000=${good}`,
    `Guichet-3000=${evil}; guichet-3000=${good}`,
    `__Host-guichet-3000=${evil}; guichet-3000=${good}`,
    `guichet-3000; guichet-3000=${evil}; guichet-3000=${good}`,
    `=guichet-3000=${evil}; guichet-3000=${good}`,
    Array.from({ length: 50 }, () => `guichet-3000=${evil}`).join('; '),
    `${Array.from({ length: 50 }, () => 'guichet-3000=x').join('; ')}; guichet-3000=${evil}`,
    `guichet-3000=${good}; ${Array.from({ length: 50 }, () => `guichet-3000=${evil}`).join('; ')}`
  ]) {
    const response = await whoIs(app, header)
    const who = response.statusCode === 200 ? response.json().user.email : 'nobody'
    t.ok([200, 401].includes(response.statusCode), 'no error')
    t.ok(['nobody', 'ada@example.com'].includes(who), `${header.slice(0, 20)}… is ${who}`)
  }
})

t.test('[R43] cookie › others with a similar name or value › ignored', async t => {
  const { app, signedIn } = await enter(t)
  const good = `guichet-3000=${cookieOf(await signedIn())}`
  for (const neighbour of [
    'my-guichet-3000=1',
    '__Host-guichet-3000=1',
    'seen=guichet-3000=1',
    'Guichet-3000=1',
    'guichet-30002=1',
    'guichet=1'
  ]) {
    t.equal((await whoIs(app, `${neighbour}; ${good}`)).statusCode, 200, `${neighbour} before`)
    t.equal((await whoIs(app, `${good}; ${neighbour}`)).statusCode, 200, `${neighbour} after`)
  }
})

t.test('[R44] cookie › https without TRUST_PROXY › the start fails and names the variable', async t => {
  const { environment } = await enter(t)
  try {
    parseConfig({ ...environment, PUBLIC_URL: 'https://auth.example.com' })
    t.fail('booted')
  } catch (error) {
    t.ok(error instanceof ConfigError)
    t.same(
      (error as ConfigError).faults.map(({ variable }) => variable),
      ['TRUST_PROXY']
    )
  }
})

t.test('[R44] cookie › a proxy that does not say https, or is not trusted › a clear refusal, no cookie', async t => {
  const { app } = await build(t, { environment: behindProxy })
  for (const request of [
    { url: '/auth/google' },
    { url: '/auth/google', headers: { 'x-forwarded-proto': 'http' } },
    { url: '/auth/google', headers: overTls, remoteAddress: '203.0.113.9' },
    { url: '/auth/google', headers: { forwarded: 'proto=https' } }
  ]) {
    const response = await app.inject(request)
    isProblem(t, response, 400, 'invalid_request')
    t.match(response.json().detail, /TRUST_PROXY/, 'says what to mend')
    t.equal(response.headers['set-cookie'], undefined)
  }
  const through = await app.inject({ url: '/auth/google', headers: overTls })
  t.equal(through.statusCode, 200)
  t.match(through.headers['set-cookie'], /^__Host-guichet=/)
})

t.test('[R45] cookie › the secret rotates › old cookies stay valid until the old secret is removed', async t => {
  const { signedIn, replica, environment } = await enter(t)
  const old = environment.SESSION_SECRETS ?? ''
  const fresh = 'a newer secret for tests of 32 characters or more'
  const ada = await signedIn()
  const cookie = cookieOf(ada)

  const rotating = await replica({ SESSION_SECRETS: `${fresh},${old}` })
  const stillAda = ada.clone(rotating)
  for (const round of [1, 2, 3]) {
    t.equal((await stillAda.fetch('/auth/session')).statusCode, 200, `signed in, request ${round}`)
    t.ok(cookieOf(stillAda), 'the browser keeps its cookie')
  }
  t.equal((await stillAda.connected()).status, 'active', 'and it can start flows and finish them')
  t.equal((await ada.fetch('/auth/session')).statusCode, 200, 'replicas not yet restarted know it too')

  const rotated = await replica({ SESSION_SECRETS: fresh })
  isProblem(t, await whoIs(rotated, `${name}=${cookie}`), 401, 'unauthenticated')

  const bob = ada.clone(rotating)
  bob.cookies.clear()
  await bob.signIn('bob@example.com')
  t.equal((await bob.clone(rotated).fetch('/auth/session')).statusCode, 200, 'new cookies are signed with the new one')
})

t.test('[R42] cookie › under a path, and on a loopback host › a name of its own', async t => {
  for (const [url, name, path] of [
    ['https://app.example.com', '__Host-guichet', '/'],
    ['https://app.example.com:8443', '__Host-guichet', '/'],
    ['https://app.example.com/accounts', '__Secure-guichet', '/accounts'],
    ['http://localhost:3000', 'guichet-3000', '/'],
    ['http://localhost', 'guichet-80', '/'],
    ['http://127.0.0.1:4000', 'guichet-4000', '/'],
    ['http://[::1]:4000/a/b', 'guichet-4000', '/a/b'],
    ['https://localhost', '__Host-guichet-443', '/']
  ] as const) {
    const cookie = toSessionCookie(new URL(url))
    t.same([cookie.name, cookie.options.path, cookie.options.secure], [name, path, url.startsWith('https:')], url)
  }
})

t.test('[R42] cookie › two guichets on localhost, one under a path › one browser can use both', async t => {
  const [one, other] = [await enter(t), await enter(t, { environment: { PUBLIC_URL: 'http://localhost:4000/auth' } })]
  const ada = one.browser()
  await ada.signIn()
  const there = other.browser()
  for (const [name, value] of ada.cookies) there.cookies.set(name, value)
  await there.fetch(await there.authorize('/auth/auth/google'))
  t.same([...there.cookies.keys()], ['guichet-3000', 'guichet-4000'])
  for (const [name, value] of there.cookies) ada.cookies.set(name, value)
  t.equal((await ada.fetch('/auth/session')).statusCode, 200)
  t.equal((await there.fetch('/auth/auth/session')).statusCode, 200)
  const out = await there.fetch('/auth/auth/session', 'DELETE')
  t.match(out.headers['set-cookie'], /^guichet-4000=; Max-Age=0; Path=\/auth;/)
})

t.test('[R42] cookie › of no session: replaced at a sign-in, ended, forged › nothing is set or cleared', async t => {
  const { browser } = await enter(t)
  const jar = browser()
  const callback = await jar.authorize('/auth/google')
  // What the same browser asked before the answer to its sign-in came.
  const late = jar.clone()
  await jar.fetch(callback)
  const ended = jar.clone()
  const forged = browser()
  forged.cookies.set('guichet-3000', 'forged.cookie')
  await jar.clone().fetch('/auth/session', 'DELETE')
  for (const stale of [late, ended, forged]) {
    for (const url of ['/auth/session', '/', '/services']) {
      const { statusCode, headers } = await stale.navigate(url)
      t.equal(headers['set-cookie'], undefined, `${statusCode} ${url}`)
    }
    t.equal((await stale.signIn()).statusCode, 200, 'and it may sign in')
    t.equal((await stale.fetch('/auth/session')).statusCode, 200)
  }
})
