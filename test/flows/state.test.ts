import t from 'tap'
import { createSecret } from '../../src/secrets.ts'
import { collectionsOf, enter } from '../helper.ts'
import { codeOf, doors, isRefused, stateOf, ways } from './doors.ts'

t.test('[R1] secrets › ten thousand of them › all different, of 256 bits each', async t => {
  const secrets = Array.from({ length: 10_000 }, createSecret)
  t.equal(new Set(secrets).size, secrets.length)
  t.ok(secrets.every(secret => /^[A-Za-z0-9_-]{43}$/.test(secret) && Buffer.from(secret, 'base64url').length === 32))
  // A generator with fewer bits behind it leaves some characters of some places out.
  const places = Array.from({ length: 42 }, (_, place) => new Set(secrets.map(secret => secret[place])).size)
  t.same(places, Array(42).fill(64))
})

for (const door of doors) {
  t.test(`[R1] flows › each start has its own state, after a restart too: ${door.name}`, async t => {
    const world = await enter(t)
    const browser = await door.enter(world)
    const restarted = browser.clone(await world.replica())
    const states: string[] = []
    for (const at of [browser, restarted, browser, restarted]) {
      for (let start = 0; start < 5; start++) {
        const { url } = (await at.fetch(door.start)).json<{ url: string }>()
        states.push(new URL(url).searchParams.get('state') ?? '')
      }
    }
    t.equal(new Set(states).size, 20)
    t.ok(states.every(state => /^[A-Za-z0-9_-]{22,}$/.test(state)))
    t.same(world.google.violations, [])
  })

  t.test(`[R2] flows › only the browser that started one can finish it: ${door.name}`, async t => {
    const world = await enter(t)
    const { google, app } = world
    const ada = await door.enter(world)
    const callback = await ada.authorize(door.start)

    const bob = await world.signedIn('bob@example.com')
    const halfway = world.browser()
    await halfway.fetch('/auth/google')
    const strangers = {
      'without a cookie': world.browser(),
      'on the way to sign in': halfway,
      'signed in': bob,
      'the same user elsewhere': await world.signedIn()
    }
    const exchanges = google.calls('token')
    for (const [who, stranger] of Object.entries(strangers)) {
      for (const way of ways) {
        isRefused(t, await stranger[way](callback), 400, 'flow_wrong_session')
        t.equal(google.calls('token'), exchanges, `no exchange for one ${who} who comes to ${way}`)
      }
    }
    t.equal((await halfway.fetch('/auth/session')).statusCode, 401)
    t.match((await bob.fetch('/auth/session')).json(), { user: { email: 'bob@example.com' } })
    t.same((await bob.fetch('/connections')).json(), { connections: [] })
    t.equal(await collectionsOf(app).connections.countDocuments(), 0)

    t.equal(codeOf(await ada.fetch(callback)), undefined, 'the one who started it still can')
    t.ok(await door.isOpen(ada))
    t.equal(google.calls('token'), exchanges + 1)
    t.same(google.violations, [])
  })

  t.test(`[R4] flows › longer than ten minutes › refused: ${door.name}`, async t => {
    const world = await enter(t)
    const { google, clock } = world
    const [browser, quick] = [await door.enter(world), await door.enter(world)]
    const { expiresAt } = (await browser.fetch(door.start)).json<{ expiresAt: string }>()
    t.ok(Math.abs(Date.parse(expiresAt) - clock.nowMs() - 600_000) < 2_000)
    const [fetched, navigated] = [await browser.authorize(door.start), await browser.authorize(door.start)]
    const inTime = await quick.authorize(door.start)
    const exchanges = google.calls('token')

    clock.advance(597_000)
    t.equal(codeOf(await quick.fetch(inTime)), undefined, 'a little earlier it is taken')
    t.equal(google.calls('token'), exchanges + 1)

    clock.advance(5_000)
    isRefused(t, await browser.fetch(fetched), 400, 'flow_expired')
    isRefused(t, await browser.navigate(navigated), 400, 'flow_expired')
    t.equal(google.calls('token'), exchanges + 1)
    t.same(google.violations, [])
  })
}

t.test('[R4] flows › no setting makes them live longer than ten minutes', async t => {
  const { replica, app } = await enter(t)
  for (const ttl of ['601', '0', '-1', '1e9', 'Infinity']) {
    await t.rejects(replica({ FLOW_TTL_SECONDS: ttl }), /FLOW_TTL_SECONDS/, ttl)
  }
  t.equal(app.config.flowTtlSeconds, 600)
})

t.test('[R4] flows › a shorter life than ten minutes can be set', async t => {
  const { browser, clock, google } = await enter(t, { environment: { FLOW_TTL_SECONDS: '30' } })
  const ada = browser()
  const callback = await ada.authorize('/auth/google')
  clock.advance(33_000)
  isRefused(t, await ada.fetch(callback), 400, 'flow_expired')
  t.equal(google.calls('token'), 0)
})

t.test('[R8] flows › each works only at the callback of its own purpose and service', async t => {
  const { signedIn, google } = await enter(t)
  const ada = await signedIn()
  const callbacks = {
    '/auth/google/callback': await ada.authorize('/auth/google'),
    '/connect/gmail/callback': await ada.authorize('/connect/gmail'),
    '/connect/calendar/callback': await ada.authorize('/connect/calendar')
  }
  const exchanges = google.calls('token')
  for (const [own, callback] of Object.entries(callbacks)) {
    for (const other of Object.keys(callbacks).filter(path => path !== own)) {
      const crossed = callback.replace(own, other)
      for (const way of ways) isRefused(t, await ada[way](crossed), 400, 'flow_unknown')
    }
  }
  t.equal(google.calls('token'), exchanges)
  t.same((await ada.fetch('/connections')).json(), { connections: [] })
  // Connecting first: signing in replaces the session that the others are bound to.
  for (const callback of Object.values(callbacks).reverse()) {
    t.equal(codeOf(await ada.fetch(callback)), undefined, 'each still opens its own')
  }
  t.same(google.violations, [])
})

t.test('[R8] flows › nothing of a flow is accepted as a session', async t => {
  const { signedIn, browser, app } = await enter(t)
  const ada = await signedIn()
  const callback = await ada.authorize('/connect/gmail')
  const { searchParams } = new URL(callback, 'http://localhost:3000')
  const flow = await collectionsOf(app).flows.findOne({ purpose: 'connect' })
  const artefacts = [
    stateOf(callback),
    searchParams.get('code') ?? '',
    flow?._id ?? '',
    flow?.sessionId ?? '',
    String(flow?.userId),
    flow?.sealed ?? ''
  ]
  const [cookie] = ada.cookies.keys()
  const signature = decodeURIComponent([...ada.cookies.values()][0] ?? '').split('.')[1]
  for (const artefact of artefacts) {
    t.ok(artefact.length > 20, 'there is such a thing')
    for (const value of [artefact, `${artefact}.${signature}`, `s:${artefact}.${signature}`]) {
      const thief = browser()
      thief.cookies.set(cookie ?? '', encodeURIComponent(value))
      isRefused(t, await thief.fetch('/auth/session'), 401, 'unauthenticated')
      isRefused(t, await thief.fetch(callback), 400, 'flow_wrong_session')
    }
  }
  t.equal((await ada.fetch('/auth/session')).statusCode, 200, 'the true cookie has that name')
})
