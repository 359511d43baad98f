import { MongoNetworkError } from 'mongodb'
import t from 'tap'
import { createBackend } from '../../backend/backend.ts'
import { failNext } from '../../database/database.ts'
import { collectionsOf, enter, isProblem, localPath } from '../../helper.ts'
import { createHostApp } from './ticket.ts'

t.test('ticket › followed to the end › the connection belongs to the host app’s user', async t => {
  const world = await enter(t)
  const { app, google, browser } = world
  const host = await createHostApp(world)
  const link = await host.ticket({ externalId: 'u-17', displayName: 'Ada', service: 'gmail', returnTo: '/done' })
  const ada = browser()
  t.equal((await ada.navigate(link)).statusCode, 200)
  const pressed = await host.press(ada, link)
  t.equal(pressed.statusCode, 200)
  const asked = new URL(String(pressed.goesTo))
  t.equal(asked.origin, google.issuer)
  t.equal(asked.searchParams.get('access_type'), 'offline')
  const landed = await ada.navigate(localPath(google.consent(asked.href)))
  t.equal(landed.statusCode, 303)
  t.match(landed.headers.location, /^\/done\?status=connected&connection=[0-9a-f]{24}$/)

  t.match((await ada.fetch('/auth/session')).json(), { user: { externalId: 'u-17', name: 'Ada' } })
  const listed = await (await createBackend(app)).fetch('/v1/connections?externalId=u-17')
  t.match(listed.json(), { connections: [{ externalId: 'u-17', service: 'gmail', status: 'active' }] })
  t.equal(listed.json().connections.length, 1)
  t.same(google.violations, [])
})

t.test('ticket › works once, also when pressed twice at the same time', async t => {
  const world = await enter(t)
  const { google, browser } = world
  const host = await createHostApp(world)
  const link = await host.ticket({ externalId: 'u-17', service: 'gmail' })
  const pressed = await Promise.all(Array.from({ length: 8 }, () => host.press(browser(), link)))
  // A press that failed is a page that goes on as well, with its status: only Google says that the ticket was taken.
  const taken = pressed.filter(({ goesTo }) => goesTo?.startsWith(google.issuer))
  t.same(
    pressed.filter(press => !taken.includes(press)).map(({ statusCode, goesTo }) => goesTo ?? statusCode),
    Array(7).fill(404)
  )
  const late = browser()
  t.equal((await late.navigate(link)).statusCode, 404)
  t.equal((await host.press(late, link)).statusCode, 404)
  isProblem(t, await host.press(late, link, { accept: '*/*', 'sec-fetch-mode': 'cors' }), 400, 'flow_unknown')
  t.equal(late.cookies.size, 0, 'and nobody is signed in by it')
})

t.test('ticket › the same page’s button pressed again › goes on as if pressed once', async t => {
  const world = await enter(t)
  const { app, clock, google, browser } = world
  const host = await createHostApp(world)
  const link = await host.ticket({ externalId: 'u-17', service: 'gmail' })
  const ada = browser()
  const fieldOf = (body: string) => `&page=${/name="page" value="([^"]+)"/.exec(body)?.[1]}`
  const page = fieldOf((await ada.navigate(link)).body)
  const another = fieldOf((await browser().navigate(link)).body)
  t.not(page, another)
  // At once, as a double click does: the browser goes on with the last answer.
  const pressed = await Promise.all([1, 2, 3].map(() => host.press(ada, link, {}, page)))
  for (const { statusCode, goesTo } of pressed)
    t.same([statusCode, new URL(String(goesTo)).origin], [200, google.issuer])
  const last = await host.press(ada, link, {}, page)
  t.match(await ada.fetch(localPath(google.consent(String(last.goesTo)))), { statusCode: 200 })
  t.equal(await collectionsOf(app).users.countDocuments({ externalId: 'u-17' }), 1)
  t.equal((await ada.navigate(link)).statusCode, 404, 'the link itself is used')

  const thief = browser()
  for (const fields of ['', another, `&page=${'A'.repeat(43)}`])
    t.equal((await host.press(thief, link, {}, fields)).statusCode, 404, 'another page’s button')
  t.equal(thief.cookies.size, 0)
  clock.advance(31_000)
  t.equal((await host.press(ada, link, {}, page)).statusCode, 404, 'and it is over soon')
})

t.test('ticket › is stored hashed, and expires after ten minutes', async t => {
  const world = await enter(t)
  const { app, clock, browser } = world
  const host = await createHostApp(world)
  const link = await host.ticket({ externalId: 'u-17', service: 'gmail' })
  const ticket = new URL(link, 'http://localhost').searchParams.get('ticket') ?? ''
  t.match(ticket, /^[A-Za-z0-9_-]{43}$/)
  const [stored] = await collectionsOf(app).tickets.find().toArray()
  t.notMatch(JSON.stringify(stored), ticket)
  clock.advance(599_000)
  t.equal((await browser().navigate(link)).statusCode, 200)
  clock.advance(2_000)
  t.equal((await browser().navigate(link)).statusCode, 404)
  t.equal((await host.press(browser(), link)).statusCode, 404)
})

t.test('ticket › link scanners, previews and prefetching browsers use nothing up', async t => {
  const world = await enter(t)
  const { app, browser } = world
  const host = await createHostApp(world)
  const link = await host.ticket({ externalId: 'u-17', service: 'gmail' })
  const scanner = browser()
  for (const request of [
    { method: 'GET', url: link },
    { method: 'HEAD', url: link },
    { method: 'GET', url: link, headers: { 'sec-purpose': 'prefetch;prerender', accept: 'text/html' } },
    { method: 'GET', url: link, headers: { 'user-agent': 'facebookexternalhit/1.1' } },
    { method: 'OPTIONS', url: link },
    { method: 'POST', url: link },
    { method: 'PUT', url: '/start' }
  ] as const)
    await scanner.request(request)
  t.equal(scanner.cookies.size, 0)
  t.equal(await collectionsOf(app).users.countDocuments(), 0)
  t.equal(await collectionsOf(app).flows.countDocuments(), 0)
  t.equal((await host.press(browser(), link)).statusCode, 200)
})

t.test('ticket › a step before its use fails › it still works', async t => {
  const world = await enter(t)
  const host = await createHostApp(world)
  const link = await host.ticket({ externalId: 'u-17', service: 'gmail' })
  const guest = world.browser()
  const { tickets, users } = collectionsOf(world.app)
  failNext(tickets, 'findOne', new MongoNetworkError('away'))
  const away = await guest.navigate(link)
  t.equal(away.statusCode, 503)
  t.match(away.headers['retry-after'], /^\d+$/)
  failNext(users, 'findOneAndUpdate', new MongoNetworkError('away'))
  t.equal((await host.press(guest, link)).goesTo, '/?status=database_unavailable')
  t.equal((await host.press(guest, link)).statusCode, 200)
  t.equal(new URL(String((await guest.navigate('/connect/gmail')).headers.location)).origin, world.google.issuer)
})

t.test('[R37] ticket › another user’s session is replaced, the same user’s goes on', async t => {
  const world = await enter(t)
  const { app, signedIn } = world
  const host = await createHostApp(world)
  const ada = await signedIn()
  const before = ada.clone()
  t.equal((await host.press(ada, await host.ticket({ externalId: 'u-17' }))).statusCode, 200)
  t.match((await ada.fetch('/auth/session')).json(), { user: { externalId: 'u-17', email: null } })
  isProblem(t, await before.fetch('/auth/session'), 401, 'unauthenticated')
  t.equal(await collectionsOf(app).sessions.countDocuments(), 1, 'the old row is gone')

  const cookie = [...ada.cookies.values()]
  t.equal((await host.press(ada, await host.ticket({ externalId: 'u-17' }))).statusCode, 200)
  t.same([...ada.cookies.values()], cookie)
  t.equal(await collectionsOf(app).users.countDocuments({ externalId: 'u-17' }), 1)
})

t.test('ticket › its form sent from another or an unknown site › refused, and the ticket stays valid', async t => {
  const world = await enter(t)
  const { browser } = world
  const host = await createHostApp(world)
  const link = await host.ticket({ externalId: 'u-17', service: 'gmail' })
  for (const headers of [
    { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    { origin: 'null', 'sec-fetch-site': 'cross-site' },
    { origin: 'null', 'sec-fetch-site': '' },
    { origin: 'https://evil.localhost', 'sec-fetch-site': 'same-site' }
  ])
    t.match((await host.press(browser(), link, headers)).goesTo, 'status=cross_site', JSON.stringify(headers))
  t.equal((await host.press(browser(), link)).statusCode, 200)
})

t.test('ticket › expectedEmail › another account › a mismatch, and its grant is revoked', async t => {
  const world = await enter(t)
  const { app, google, browser } = world
  const host = await createHostApp(world)
  const link = await host.ticket({ externalId: 'u-17', service: 'gmail', expectedEmail: 'ada@example.com' })
  const ada = browser()
  const url = String((await host.press(ada, link)).goesTo)
  t.equal(new URL(url).searchParams.get('login_hint'), 'ada@example.com')
  const landed = await ada.navigate(localPath(google.consent(url, { as: 'bob@example.com' })))
  t.equal(landed.headers.location, '/?status=account_mismatch')
  t.equal(await collectionsOf(app).connections.countDocuments({ live: true }), 0)
  await app.background.run()
  t.same(google.ledger.of('refresh_token', { sub: google.user('bob@example.com').sub, alive: true }), [])

  const again = await host.ticket({ externalId: 'u-17', service: 'gmail', expectedEmail: 'Ada@Example.com' })
  const right = String((await host.press(ada, again)).goesTo)
  t.match((await ada.fetch(localPath(google.consent(right)))).json(), { message: 'token receive' })
  t.same(google.violations, [])
})

t.test('ticket › expectedEmail › an address that Google has not verified › a mismatch', async t => {
  const world = await enter(t)
  const { google, browser } = world
  const host = await createHostApp(world)
  google.addUser({ sub: '777', email: 'ceo@corp.example', emailVerified: false, name: 'X' })
  const guest = browser()
  const link = await host.ticket({ externalId: 'u-17', service: 'gmail', expectedEmail: 'ceo@corp.example' })
  const url = String((await host.press(guest, link)).goesTo)
  isProblem(t, await guest.fetch(localPath(google.consent(url, { as: '777' }))), 409, 'account_mismatch')
})

t.test(
  'ticket › expectedEmail › compared as addresses are › another spelling fits, one that only folds to it does not',
  async t => {
    const world = await enter(t)
    const { google, browser } = world
    const host = await createHostApp(world)
    google.addUser({ sub: '778', email: '\u212aate@example.com', name: 'Not Kate' })
    google.addUser({ sub: '780', email: 'ada@xn--bcher-kva.example', name: 'Ada' })
    google.addUser({ sub: '779', email: 'kate@googlemail.com', name: 'Kate' })
    const guest = browser()
    for (const [expectedEmail, as, status] of [
      ['kate@example.com', '778', 409],
      ['ada@b\u00fccher.example', '780', 200],
      ['Kate@gmail.com', '779', 200]
    ] as const) {
      const link = await host.ticket({ externalId: 'u-17', service: 'gmail', expectedEmail })
      const url = String((await host.press(guest, link)).goesTo)
      t.equal((await guest.fetch(localPath(google.consent(url, { as })))).statusCode, status, expectedEmail)
    }
  }
)

t.test('[R31] ticket › expectedEmail › a mismatch, and a sibling uses the grant › it is kept', async t => {
  const world = await enter(t)
  const { google, browser, signedIn } = world
  const host = await createHostApp(world)
  const bob = await signedIn('bob@example.com')
  const { id } = await bob.connected({ as: 'bob@example.com' })
  const guest = browser()
  const link = await host.ticket({ externalId: 'u-17', service: 'gmail', expectedEmail: 'ada@example.com' })
  const url = String((await host.press(guest, link)).goesTo)
  await guest.navigate(localPath(google.consent(url, { as: 'bob@example.com' })))
  t.same(google.requestsTo('revoke'), [])
  t.equal((await bob.fetch(`/connections/${id}/gmail/profile`)).statusCode, 200)
})

t.test('[R28] ticket › connectionId › only the same account repairs that connection', async t => {
  const world = await enter(t)
  const { app, google, browser } = world
  const host = await createHostApp(world)
  const ada = browser()
  const first = String((await host.press(ada, await host.ticket({ externalId: 'u-17', service: 'gmail' }))).goesTo)
  const { id } = (await ada.fetch(localPath(google.consent(first)))).json().connection
  google.revokeGrant('ada@example.com')
  const backend = await createBackend(app)
  world.clock.advance(google.accessTokenLifetimeSeconds * 1000)
  isProblem(t, await backend.vend(id), 409, 'needs_reconnect')

  const wrong = String(
    (await host.press(browser(), await host.ticket({ externalId: 'u-17', connectionId: id }))).goesTo
  )
  t.equal(new URL(wrong).searchParams.get('login_hint'), 'ada@example.com')
  const guest = browser()
  const link = await host.ticket({ externalId: 'u-17', connectionId: id })
  const mismatched = String((await host.press(guest, link)).goesTo)
  isProblem(
    t,
    await guest.fetch(localPath(google.consent(mismatched, { as: 'bob@example.com' }))),
    409,
    'account_mismatch'
  )
  const right = String((await host.press(guest, await host.ticket({ externalId: 'u-17', connectionId: id }))).goesTo)
  t.equal((await guest.fetch(localPath(google.consent(right)))).json().connection.id, id)
  t.equal((await backend.vend(id)).statusCode, 200)
  t.same(google.violations, [])
})

t.test('[R87] ticket › for a service outside the key’s limits › refused', async t => {
  const world = await enter(t)
  const { app, google, browser, signedIn } = world
  const host = await createHostApp(world)
  const ada = browser()
  const url = String((await host.press(ada, await host.ticket({ externalId: 'u-17', service: 'gmail' }))).goesTo)
  const { id } = (await ada.fetch(localPath(google.consent(url)))).json().connection
  const own = (await (await signedIn('bob@example.com')).connected({ as: 'bob@example.com' })).id
  const all = await createBackend(app)
  const calendar = await createBackend(app, { services: ['calendar'] })
  const none = '0'.repeat(24)
  for (const [backend, body] of [
    [calendar, { externalId: 'u-17', service: 'gmail' }],
    [calendar, { externalId: 'u-17', connectionId: id }],
    [all, { externalId: 'u-18', connectionId: id }],
    [all, { externalId: 'u-17', connectionId: own }],
    [all, { externalId: 'u-17', connectionId: none }],
    [all, { externalId: 'u-17', connectionId: id, service: 'calendar' }],
    [all, { externalId: 'u-17', service: 'fax' }]
  ] as const)
    isProblem(t, await backend.fetch('/v1/tickets', 'POST', body), 404, 'not_found')
  const reader = await createBackend(app, { operations: ['connections:read'] })
  isProblem(t, await reader.fetch('/v1/tickets', 'POST', { externalId: 'u-17' }), 403, 'forbidden')
  t.equal(await collectionsOf(app).tickets.countDocuments({ usedAt: { $exists: false } }), 0)
})

t.test('[R20] ticket › a returnTo to another site, or an unknown field › refused', async t => {
  const world = await enter(t)
  const backend = await createBackend(world.app)
  for (const body of [
    { externalId: 'u-17', returnTo: 'https://evil.example/' },
    { externalId: 'u-17', returnTo: '//evil.example' },
    { externalId: 'u-17', returnTo: '/\\evil.example' },
    { externalId: 'u-17', expectedEmail: 'no address' },
    { externalId: 'u-17', expectedEmail: 'Ada <ada@example.com>' },
    { externalId: 'u-17', expectedEmail: 'ada@example\uff0ecom' },
    { externalId: 'u-17', expectedEmail: 'ada@example' },
    { externalId: 'u-17', scopes: ['openid'] },
    { externalId: 'u-17', userId: '0'.repeat(24) },
    { externalId: 'two\r\nlines' },
    { externalId: 'half a character \ud800' },
    { externalId: { $gt: '' } },
    { externalId: 'u'.repeat(256) },
    { externalId: '' },
    {}
  ])
    isProblem(t, await backend.fetch('/v1/tickets', 'POST', body), 400, 'invalid_request')
  t.equal(await collectionsOf(world.app).tickets.countDocuments(), 0)
})
