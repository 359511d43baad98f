import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { createHostApp } from '../accounts/tickets/ticket.ts'
import { enter, isProblem } from '../helper.ts'

const app = 'https://app.example.com'
const environment = { ALLOWED_ORIGINS: app }
const id = 'a'.repeat(24)

/** What the page's script would post, and to whom. */
function postOf(body: string): [to: string | undefined, outcome: object] | undefined {
  const [, to, outcome] = /data-to="([^"]*)" data-outcome="([^"]*)"/.exec(body) ?? []
  return outcome === undefined ? undefined : [to, JSON.parse(outcome.replaceAll('&#34;', '"'))]
}

t.test('popup › its last page › tells the result to a listed origin only', async t => {
  const world = await enter(t, { environment })
  const one = world.browser()
  const post = async (query: Record<string, string>) =>
    postOf((await one.navigate(`/popup?${new URLSearchParams(query)}`)).body)
  t.same(await post({ to: app, status: 'connected', connection: id }), [app, { status: 'connected', connection: id }])
  t.same(await post({ to: app, status: 'access_denied' }), [app, { status: 'access_denied' }])
  t.same(await post({ to: app }), [app, { status: 'signed_in' }], 'a sign-in has no status of its own')
  t.same(await post({ to: 'http://localhost:3000', status: 'flow_used' }), [
    'http://localhost:3000',
    { status: 'flow_used' }
  ])
  for (const to of [
    'https://evil.example',
    '*',
    '/',
    'null',
    `${app}/`,
    `${app}.evil.example`,
    'https://APP.example.com'
  ])
    t.equal(await post({ to, status: 'connected', connection: id }), undefined, to)
  t.equal(await post({ status: 'connected', connection: id }), undefined, 'none named')
  for (const query of [
    { status: 'connected' },
    { status: 'connected', connection: '"><img src=x>' },
    { status: 'ya29.a-token' },
    { status: '"><script>alert(1)</script>' }
  ]) {
    t.equal(await post({ to: app, ...query }), undefined, JSON.stringify(query))
  }
})

t.test('popup › its page contains no secret', async t => {
  const world = await enter(t, { environment })
  const query = new URLSearchParams({ to: app, status: 'connected', connection: id, code: 'c0de', state: 'st4te' })
  const { body, headers } = await world.browser().navigate(`/popup?${query}`)
  t.notMatch(body, /c0de|st4te/)
  t.match(headers['content-security-policy'], "default-src 'none'")
  t.match(headers['content-security-policy'], "frame-ancestors 'none'")
  t.equal(headers['cross-origin-opener-policy'], 'unsafe-none')
  t.equal(headers['cache-control'], 'no-store')
})

t.test('popup › starts and callbacks › keep the link to the page that opened it', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  for (const url of ['/auth/google', '/connect/gmail', '/auth/google/callback?state=x', '/connect/gmail/callback'])
    t.equal((await ada.navigate(url)).headers['cross-origin-opener-policy'], 'unsafe-none', url)
  t.equal((await ada.fetch('/connections')).headers['cross-origin-opener-policy'], 'same-origin')
})

t.test('popup › a ticket, or a refusal by whatever comes first › keep the link to the page that opened it', async t => {
  const world = await enter(t)
  const host = await createHostApp(world)
  const guest = world.browser()
  const link = await host.ticket({ externalId: 'u-17', service: 'gmail' })
  const kept = ({ headers }: LightMyRequestResponse) => headers['cross-origin-opener-policy'] === 'unsafe-none'
  t.ok(kept(await guest.navigate(link)), 'its page')
  t.ok(kept(await guest.navigate('/start?ticket=cut')), 'a link that is cut')
  t.ok(kept(await host.press(guest, link, { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' })))
  t.ok(kept(await host.press(guest, link)), 'its button')
  const unready = await world.replica({ MONGODB_URI: 'mongodb://127.0.0.1:1/none' })
  for (const url of ['/auth/google', '/connect/gmail', link, '/popup'])
    t.ok(kept(await world.browser(unready).navigate(url)), `${url}, before the database is there`)
})

t.test('client.js › any page may load it; revalidated by ETag, cached for good under its hash', async t => {
  const { app } = await enter(t)
  const first = await app.inject('/client.js')
  t.equal(first.statusCode, 200)
  t.match(first.headers, {
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': 'no-cache',
    'access-control-allow-origin': '*',
    'cross-origin-resource-policy': 'cross-origin'
  })
  const etag = String(first.headers.etag)
  for (const held of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const again = await app.inject({ url: '/client.js', headers: { 'if-none-match': held } })
    t.equal(again.statusCode, 304, held)
    t.equal(again.body, '')
  }
  t.equal((await app.inject({ url: '/client.js', headers: { 'if-none-match': '"other"' } })).statusCode, 200)

  const hashed = await app.inject(`/client.${etag.slice(1, -1)}.js`)
  t.equal(hashed.body, first.body)
  t.match(hashed.headers['cache-control'], /immutable/)
  isProblem(t, await app.inject('/client.0000000000000000.js'), 404, 'not_found')
})
