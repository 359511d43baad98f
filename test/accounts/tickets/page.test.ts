import t from 'tap'
import { build, enter, isProblem } from '../../helper.ts'
import { createHostApp } from './ticket.ts'

t.test('page of a ticket › names the app, the user, the service and the account', async t => {
  const world = await enter(t)
  const host = await createHostApp(world, 'Post Office')
  const link = await host.ticket({
    externalId: 'u-17',
    displayName: 'Ada',
    service: 'gmail',
    expectedEmail: 'ada@example.com'
  })
  const { body, headers, statusCode } = await world.browser().navigate(link)
  t.equal(statusCode, 200)
  t.match(headers['content-type'], /^text\/html/)
  t.equal(headers['cache-control'], 'no-store')
  for (const said of ['Post Office', 'Ada', 'Gmail', 'ada@example.com']) t.ok(body.includes(said), said)
  t.equal(body.match(/<form method="post" action="start"/g)?.length, 1)
  t.notMatch(body, '<script')
})

t.test('page of a ticket › text from others is escaped', async t => {
  const world = await enter(t)
  const nasty = `"><img src=x onerror=alert(1)>'{{content}}&amp;$&\u202e`
  const host = await createHostApp(world, nasty)
  const link = await host.ticket({ externalId: nasty, displayName: nasty, service: 'gmail' })
  const { body } = await world.browser().navigate(link)
  t.notMatch(body, '<img')
  t.equal(body.match(/<bdi>/g)?.length, body.match(/<\/bdi>/g)?.length)
  t.equal(body.match(/&#60;img src=x onerror=alert\(1\)&#62;/g)?.length, 3, 'the app, for whom, and not you')
  t.equal(body.match(/\{\{content\}\}/g)?.length, 3, 'a placeholder in a name is no placeholder')
})

t.test('page of a ticket › its form posts to guichet, and the next page leads on to Google', async t => {
  const world = await enter(t, { environment: { ALLOWED_ORIGINS: 'https://app.example.com' } })
  const host = await createHostApp(world)
  const returnTo = 'https://app.example.com/done?a=1&b=2'
  for (const [service, end] of [
    ['gmail', world.google.issuer],
    [undefined, 'https://app.example.com']
  ]) {
    const link = await host.ticket({ externalId: 'u-17', returnTo, ...(service && { service }) })
    const guest = world.browser()
    const policy = String((await guest.navigate(link)).headers['content-security-policy']).split('; ')
    for (const directive of ["form-action 'self'", "default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"])
      t.ok(policy.includes(directive), directive)
    const pressed = await host.press(guest, link)
    t.equal(pressed.statusCode, 200)
    t.equal(pressed.headers.location, undefined)
    t.equal(new URL(String(pressed.goesTo)).origin, end)
    t.ok(pressed.body.includes(`<a class="button main" href="`), 'with a link for those whose browser stays')
  }
})

t.test('page of a ticket › a link that is cut, unknown or used › an error for people and for programs', async t => {
  const { browser } = await enter(t)
  const one = browser()
  for (const url of ['/start?ticket=cut', '/start', `/start?ticket=${'a'.repeat(43)}&ticket=${'b'.repeat(43)}`]) {
    const shown = await one.navigate(url)
    t.equal(shown.statusCode, 400)
    t.match(shown.body, 'This link does not work any more')
    isProblem(t, await one.fetch(url), 400, 'invalid_request')
  }
  t.equal((await one.navigate(`/start?ticket=${'a'.repeat(43)}`)).statusCode, 404)
  t.equal(one.cookies.size, 0)
})

t.test('page of a ticket › tracking parameters added to its link › are ignored', async t => {
  const world = await enter(t)
  const link = await (await createHostApp(world)).ticket({ externalId: 'u-17', service: 'gmail' })
  const shown = await world.browser().navigate(`${link}&fbclid=abc&utm_source=mail`)
  t.equal(shown.statusCode, 200)
})

t.test('page of a ticket › another fault than the link’s › does not say that the link has expired', async t => {
  const proxied = { PUBLIC_URL: 'https://auth.example.com', TRUST_PROXY: '127.0.0.1' }
  const world = await build(t, { environment: proxied })
  const shown = await world.browser().navigate(`/start?ticket=${'a'.repeat(43)}`)
  t.equal(shown.statusCode, 400)
  t.notMatch(shown.body, 'does not work any more')
})

t.test('[R99] page of a ticket › its button takes a form and nothing else; no other route takes forms', async t => {
  const world = await enter(t)
  const host = await createHostApp(world)
  const link = await host.ticket({ externalId: 'u-17', service: 'gmail' })
  const guest = world.browser()
  for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/xml', '\t', 'garbage']) {
    const refused = await host.press(guest, link, { 'content-type': type, accept: '*/*', 'sec-fetch-mode': 'cors' })
    isProblem(t, refused, 415, 'unsupported_media_type')
  }
  const ada = await world.signedIn()
  const { id } = await ada.connected()
  const refused = await ada.request({
    method: 'POST',
    url: `/connections/${id}/gmail/messages/m1/modify`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'addLabels=STARRED'
  })
  isProblem(t, refused, 415, 'unsupported_media_type')
  t.equal((await host.press(guest, link)).statusCode, 200, 'and the ticket is still good')
})
