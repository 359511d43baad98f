import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { type Browser, enter } from '../helper.ts'
import { codeOf } from './doors.ts'

/** What the browser sends with a callback, as its header block stands on the wire. */
function headerBytes(browser: Browser, callback: string): number {
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  return `GET ${callback} HTTP/1.1\r\nhost: localhost:3000\r\ncookie: ${cookie}\r\n\r\n`.length
}

async function inTurn(browser: Browser, callbacks: string[]): Promise<LightMyRequestResponse[]> {
  const responses: LightMyRequestResponse[] = []
  for (const callback of callbacks) responses.push(await browser.fetch(callback))
  return responses
}

t.test('[R15] flows › twenty connects in one browser, the last started ends first › all succeed', async t => {
  const { signedIn, google } = await enter(t)
  const ada = await signedIn()
  const before = { cookies: [...ada.cookies], exchanges: google.calls('token') }
  // All at once, as when a session is restored with its tabs.
  const callbacks = await Promise.all(
    Array.from({ length: 20 }, (_, tab) => ada.authorize(`/connect/${['gmail', 'calendar', 'drive'][tab % 3]}`))
  )
  const responses = await inTurn(ada, callbacks.reverse())
  t.same(
    responses.map(({ statusCode }) => statusCode),
    Array(20).fill(200)
  )
  t.equal(google.calls('token'), before.exchanges + 20)
  t.same([...ada.cookies], before.cookies, 'no cookie for any of them')
  t.equal((await ada.fetch('/connections')).json<{ connections: object[] }>().connections.length, 3)
  t.same(google.violations, [])
})

t.test('[R15] flows › twenty callbacks at once in one browser › all succeed', async t => {
  const { signedIn, google } = await enter(t)
  const ada = await signedIn()
  const callbacks = await Promise.all(Array.from({ length: 20 }, () => ada.authorize('/connect/gmail')))
  const responses = await Promise.all(callbacks.map(callback => ada.fetch(callback)))
  t.same(
    responses.map(({ statusCode }) => statusCode),
    Array(20).fill(200)
  )
  t.equal((await ada.fetch('/connections')).json<{ connections: object[] }>().connections.length, 1)
  t.same(google.violations, [])
})

t.test('[R15] flows › twenty sign-ins in one browser, in any order › signed in', async t => {
  const { browser, google } = await enter(t)
  const ada = browser()
  const callbacks: string[] = []
  for (let tab = 0; tab < 20; tab++) callbacks.push(await ada.authorize('/auth/google'))
  t.equal(ada.cookies.size, 1)
  for (const response of await inTurn(ada, callbacks.reverse())) {
    t.match(response.json(), { user: { email: 'ada@example.com' } })
  }
  t.equal(google.calls('token'), 1, 'the others find the browser signed in')
  t.equal((await ada.fetch('/auth/session')).statusCode, 200)
  t.same(google.violations, [])
})

for (const start of ['/auth/google', '/connect/gmail']) {
  t.test(`[R15] flows › two hundred unfinished ones › nothing more in the browser: ${start}`, async t => {
    const { browser, signedIn, google, clock } = await enter(t)
    const ada = start === '/auth/google' ? browser() : await signedIn()
    const sizes: number[] = []
    let last = ''
    for (let tab = 0; tab < 200; tab++) {
      clock.advance(1_000)
      last = await ada.authorize(start)
      sizes.push(headerBytes(ada, last))
    }
    t.ok(Math.max(...sizes) < 8192, `${Math.max(...sizes)} bytes`)
    t.ok(Math.max(...sizes) - Math.min(...sizes) < 64, 'the two hundredth is no larger than the first')
    t.equal(codeOf(await ada.fetch(last)), undefined)
    t.same(google.violations, [])
  })
}

t.test('[R15] flows › two hundred starts in one browser › the cookie header still fits a real server', async t => {
  const { app, browser } = await enter(t)
  const ada = browser()
  for (let tab = 0; tab < 200; tab++) await ada.fetch('/auth/google?returnTo=/inbox')
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  const cookie = [...ada.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const response = await fetch(`${origin}/auth/google`, { headers: { cookie } })
  t.equal(response.status, 200, 'no 431')
  await response.body?.cancel()
})
