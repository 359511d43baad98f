import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { collectionsOf, enter, isProblem } from '../helper.ts'
import { codeOf, doors, isRefused, ways, withParameters } from './doors.ts'

for (const door of doors) {
  t.test(`[R3] flows › a callback makes one exchange only: ${door.name}`, async t => {
    const world = await enter(t)
    const { google } = world
    const browser = await door.enter(world)
    const callback = await browser.authorize(door.start)
    const before = browser.clone()
    const exchanges = google.calls('token')

    t.equal(codeOf(await browser.fetch(callback)), undefined)
    for (const way of ways) {
      // The browser's earlier cookie: signing in replaced its session, and the old one is dead.
      const code = codeOf(await before.clone()[way](callback))
      t.equal(code, door.name === 'sign-in' ? 'flow_wrong_session' : undefined, `${way}: the same answer at most`)
    }
    world.clock.advance(31_000)
    const late = codeOf(await before.clone().fetch(callback))
    t.equal(late, door.name === 'sign-in' ? 'flow_wrong_session' : 'flow_used', 'later')
    t.equal(google.calls('token'), exchanges + 1)
    t.same(google.violations, [])
  })

  t.test(`[R3] flows › fifty callbacks at once over two replicas › one exchange: ${door.name}`, async t => {
    const world = await enter(t)
    const { google, app } = world
    const other = await world.replica()
    const browser = await door.enter(world)
    const callback = await browser.authorize(door.start)
    const exchanges = google.calls('token')

    const copies = Array.from({ length: 50 }, (_, position) => browser.clone(position % 2 ? app : other))
    const codes = await Promise.all(copies.map(async copy => codeOf(await copy.fetch(callback)) ?? 'success'))
    const refusals = codes.filter(code => code !== 'success')
    t.ok(codes.includes('success'))
    t.ok(
      refusals.every(code => door.name === 'sign-in' && code === 'flow_wrong_session'),
      `who came after the session was another's: ${[...new Set(refusals)].join(' ')}`
    )
    t.equal(google.calls('token'), exchanges + 1)
    const open = await Promise.all(copies.map(copy => door.isOpen(copy)))
    t.equal(open.filter(Boolean).length, 50 - refusals.length, 'each success counts, for its session')
    t.same(google.violations, [])
  })

  t.test(`[R16] callbacks › the Back button does no harm: ${door.name}`, async t => {
    const world = await enter(t)
    const { google } = world
    const browser = await door.enter(world)
    const callback = await browser.authorize(`${door.start}?returnTo=/inbox`)
    t.equal(codeOf(await browser.navigate(callback)), undefined)
    const calls = google.requests.length
    const rows = await collectionsOf(world.app).flows.find().toArray()
    const cookies = [...browser.cookies]

    for (const round of [1, 2]) {
      const fetched = await browser.fetch(callback)
      const navigated = await browser.navigate(callback)
      if (door.name === 'sign-in') {
        t.match(fetched.json(), { user: { email: 'ada@example.com' } }, `round ${round}`)
        t.equal(navigated.statusCode, 303)
        t.equal(navigated.headers.location, '/inbox')
      } else {
        t.match(fetched.json(), { message: 'token receive' }, `round ${round}`)
        t.match(navigated.headers.location, /^\/inbox\?status=connected&connection=[0-9a-f]{24}$/)
      }
    }
    t.equal(google.requests.length, calls, 'nothing was asked of Google')
    t.same(await collectionsOf(world.app).flows.find().toArray(), rows)
    t.same([...browser.cookies], cookies)
    t.equal((await browser.fetch('/auth/session')).statusCode, 200)
    t.ok(await door.isOpen(browser))
    t.same(google.violations, [])
  })

  t.test(`[R17] callbacks › HEAD, prefetch and previews › do not use it: ${door.name}`, async t => {
    const world = await enter(t, { environment: { ALLOWED_ORIGINS: 'https://app.example.com' } })
    const { google } = world
    const browser = await door.enter(world)
    const callback = await browser.authorize(door.start)
    const exchanges = google.calls('token')

    for (const method of ['HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'] as const) {
      const response = await browser.request({ method: method as 'HEAD', url: callback })
      t.ok([204, 404, 405].includes(response.statusCode), `${method}: ${response.statusCode}`)
    }
    const preflight = {
      origin: 'https://app.example.com',
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'content-type'
    }
    t.equal((await browser.request({ method: 'OPTIONS', url: callback, headers: preflight })).statusCode, 204)
    for (const headers of [
      { 'sec-purpose': 'prefetch' },
      { 'sec-purpose': 'prefetch;prerender' },
      { 'sec-purpose': 'prefetch;anonymous-client-ip' },
      { purpose: 'prefetch' },
      { 'x-purpose': 'preview' },
      { 'x-purpose': 'instant' },
      { 'x-moz': 'prefetch' },
      { 'sec-purpose': 'prefetch', purpose: 'user' }
    ]) {
      for (const accept of ['*/*', 'text/html']) {
        const response = await browser.request({ method: 'GET', url: callback, headers: { ...headers, accept } })
        t.equal(response.statusCode, 204, JSON.stringify(headers))
        t.equal(response.headers['cache-control'], 'no-store', 'or the true navigation would get it from the cache')
      }
    }
    t.equal(google.calls('token'), exchanges)
    t.notOk(await door.isOpen(browser))

    t.equal(codeOf(await browser.navigate(callback)), undefined, 'the true GET still succeeds')
    t.ok(await door.isOpen(browser))
    t.equal(google.calls('token'), exchanges + 1)
    t.same(google.violations, [])
  })
}

t.test('[R16] callbacks › of an earlier flow, after another sign-in › change nothing', async t => {
  const { browser, google } = await enter(t)
  const ada = browser()
  const [left, taken] = [
    await ada.authorize('/auth/google', { as: 'bob@example.com' }),
    await ada.authorize('/auth/google')
  ]
  await ada.fetch(taken)
  const exchanges = google.calls('token')
  for (const way of ways) t.equal(codeOf(await ada[way](left)), undefined)
  t.equal(google.calls('token'), exchanges)
  t.match((await ada.fetch('/auth/session')).json(), { user: { email: 'ada@example.com' } })
})

for (const door of doors) {
  t.test(
    `[R3][R34] callbacks › repeated while the first still runs, at another replica › its answer: ${door.name}`,
    async t => {
      const world = await enter(t)
      const { google } = world
      const other = await world.replica()
      for (const code of [undefined, 'a-wrong-one']) {
        const browser = await door.enter(world)
        const right = await browser.authorize(`${door.start}?returnTo=/inbox`)
        const callback = code === undefined ? right : withParameters(right, { code })
        const exchanges = google.calls('token')
        const held = google.fault('token', { hang: true })
        const first = browser.clone().fetch(callback)
        while (google.calls('token') === exchanges) await new Promise(setImmediate)
        // The browser has gone on without the first's answer: it comes with the cookie it had.
        const [reloaded, fetched] = [browser.clone(other), browser.clone()]
        const others = [reloaded.navigate(callback), fetched.fetch(callback)] as const
        await delay(150)
        held.release()
        const [one, two, three] = await Promise.all([first, ...others])
        t.equal(google.calls('token'), exchanges + 1, 'one exchange')
        if (code) {
          for (const response of [one, three]) isProblem(t, response, 400, 'code_invalid')
          isRefused(t, two, 400, 'code_invalid', '/inbox')
        } else {
          t.same(three.json(), one.json())
          t.match(two.headers.location, door.name === 'sign-in' ? /^\/inbox$/ : /^\/inbox\?status=connected&/)
          for (const jar of [reloaded, fetched]) t.ok(await door.isOpen(jar))
        }
      }
      t.same(google.violations, [])
    }
  )

  t.test(`[R3][R38] callbacks › repeated with another code › flow_used at once: ${door.name}`, async t => {
    const world = await enter(t)
    const { google } = world
    const browser = await door.enter(world)
    const callback = await browser.authorize(door.start)
    const exchanges = google.calls('token')
    const held = google.fault('token', { hang: true })
    const first = browser.clone().fetch(callback)
    while (google.calls('token') === exchanges) await new Promise(setImmediate)
    // Whoever started the flow knows its state; only the browser that Google sent back knows the code.
    for (const changes of [{ code: 'guessed' }, { code: undefined, error: 'access_denied' }]) {
      const guess = browser.clone()
      isProblem(t, await guess.fetch(withParameters(callback, changes)), 400, 'flow_used')
    }
    held.release()
    t.equal((await first).statusCode, 200)
    t.same(google.violations, [])
  })
}

// F45, a callback replayed or from another's browser, is told here, in state.test.ts (R2) and fixation.test.ts (R37); F46, a
// request in flight while its session ends, in logout.test.ts (R40).
t.test('[R3][F45] callbacks › the process died before answering › a repeat is flow_used, after a wait', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  const callback = await ada.authorize('/connect/gmail')
  t.equal((await ada.fetch(callback)).statusCode, 200)
  await collectionsOf(world.app).flows.updateMany({}, { $unset: { outcome: '' } })
  world.clock.advance(31_000)
  isProblem(t, await ada.fetch(callback), 400, 'flow_used')
})
