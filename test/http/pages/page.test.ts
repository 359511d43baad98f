import { MongoNetworkError } from 'mongodb'
import t from 'tap'
import { failNext } from '../../database/database.ts'
import { type Browser, collectionsOf, enter, type World } from '../../helper.ts'

const form = 'application/x-www-form-urlencoded'

function submit(at: Browser, { config }: World, url: string, payload = '', headers = {}) {
  return at.request({
    method: 'POST',
    url,
    headers: {
      'content-type': form,
      accept: 'text/html',
      origin: config.publicUrl.origin,
      'sec-fetch-site': 'same-origin',
      'sec-fetch-mode': 'navigate',
      ...headers
    },
    payload
  })
}

t.test('page › its forms › need a session, the user’s own connection and the same origin', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  const bob = await world.signedIn('bob@example.com')
  const { id } = await ada.connected()
  for (const url of ['/disconnect', '/delete-account'])
    t.equal(
      (await submit(world.browser(), world, url, url === '/disconnect' ? `connection=${id}` : '')).headers.location,
      '/?status=unauthenticated',
      url
    )
  t.equal((await submit(bob, world, '/disconnect', `connection=${id}`)).headers.location, '/?status=not_found')
  t.equal((await bob.navigate(`/disconnect?connection=${id}`)).headers.location, '/?status=not_found')
  for (const headers of [
    { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    { origin: 'null', 'sec-fetch-site': '' }
  ])
    for (const url of ['/disconnect', '/delete-account', '/sign-out'])
      t.equal(
        (await submit(ada, world, url, url === '/disconnect' ? `connection=${id}` : '', headers)).statusCode,
        403,
        url
      )
  t.equal((await ada.fetch(`/connections/${id}`)).statusCode, 200, 'nothing has happened')

  const ended = await submit(ada, world, '/disconnect', `connection=${id}`)
  t.same([ended.statusCode, ended.headers.location], [303, '/?done=confirmed'])
  t.equal((await submit(ada, world, '/disconnect', `connection=${id}`)).headers.location, '/?status=not_found')
  t.equal((await submit(ada, world, '/sign-out')).headers.location, '/?done=signed_out')
  t.equal((await ada.fetch('/auth/session')).statusCode, 401)
  t.equal((await submit(bob, world, '/delete-account')).headers.location, '/?done=erased')
  t.equal((await bob.fetch('/auth/session')).statusCode, 401)
})

t.test('page › its query › only known codes are shown, in guichet’s own words', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  const { id } = await ada.connected()
  const guest = world.browser()
  const said = async (at: Browser, query: string) =>
    /class="message[^>]*>\s*<div>(.*?)<\/div>/s.exec((await at.navigate(`/?${query}`)).body)?.[1]?.trim()
  t.match(await said(ada, `status=connected&connection=${id}`), '<bdi>ada@example.com</bdi> is connected.')
  t.equal(await said(ada, `status=connected&connection=${'a'.repeat(24)}`), undefined)
  t.equal(await said(guest, `status=connected&connection=${id}`), undefined)
  t.match(await said(guest, 'done=erased'), 'are deleted')
  t.equal(await said(ada, 'done=erased'), undefined, 'who is signed in is not told that all is deleted')
  t.match(await said(ada, 'done=kept'), 'another connection')
  t.equal(await said(ada, 'done=connected'), undefined)
  t.equal(await said(ada, 'done=constructor'), undefined)
  t.match(await said(guest, 'status=made_up'), 'Reference made_up')
  t.equal(await said(guest, 'status=%3Cscript%3E'), undefined)
  t.equal(await said(guest, `status=${'a'.repeat(200)}`), undefined)
  t.equal(await said(guest, 'status=a&status=b'), undefined)
  t.equal(await said(guest, 'utm_source=mail'), undefined)
})

t.test('page › a name with markup › is shown as text', async t => {
  const world = await enter(t)
  const nasty = '"><img src=x onerror=alert(1)>\u202e'
  world.google.addUser({ sub: '666', email: 'x@example.com', name: nasty })
  const { body } = await (await world.signedIn('666')).navigate('/')
  t.notMatch(body, '<img')
  t.match(body, '<bdi>&#34;&#62;&#60;img src=x onerror=alert(1)&#62;\u202e</bdi>')
})

t.test('page › the database is down › says so, with a reference and a retry button', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  failNext(collectionsOf(world.app).connections, 'find', new MongoNetworkError('away'))
  const away = await ada.navigate('/')
  t.equal(away.statusCode, 503)
  t.match(away.headers['retry-after'], /^\d+$/)
  t.match(away.body, 'cannot reach its database')
  t.match(away.body, /Reference [0-9a-f-]{36}/)
  t.match(away.body, '>Try again</a>')
  t.equal((await ada.navigate('/')).statusCode, 200)
})

t.test('page › less than 40 kB in all, and no foreign script may run', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  await ada.connected()
  const page = await ada.navigate('/')
  t.match(page.headers, { 'cache-control': 'no-store', 'referrer-policy': 'same-origin', vary: /accept-language/i })
  t.equal(
    page.headers['content-security-policy'],
    "default-src 'none'; style-src 'self'; img-src data:; script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
  )
  t.notMatch(page.body, /style=|<style|<script>|onclick/)
  let bytes = Buffer.byteLength(page.body)
  for (const file of ['style.css', 'page.js', 'mail.js', 'time.js']) {
    const asset = await world.app.inject(`/${file}`)
    t.equal(asset.statusCode, 200, file)
    t.match(asset.headers.etag, /^"[0-9a-f]{16}"$/)
    bytes += Buffer.byteLength(asset.body)
  }
  t.comment(`${bytes} bytes`)
  t.ok(bytes < 40_000, `${bytes} bytes`)
})

t.test('page › PUBLIC_URL has a path › every link, form and file stays under it', async t => {
  const world = await enter(t, { environment: { PUBLIC_URL: 'http://localhost:3000/auth' } })
  const bare = await world.browser().navigate('/auth')
  t.same([bare.statusCode, bare.headers.location], [303, '/auth/'])
  const { body } = await world.browser().navigate('/auth/')
  t.match(body, 'Sign in with Google')
  for (const [, url = ''] of body.matchAll(/(?:href|src|action)="([^"]*)"/g))
    t.ok(/^(https:|data:)/.test(url) || new URL(url, 'http://localhost:3000/auth/').pathname.startsWith('/auth/'), url)
  t.equal((await submit(world.browser(), world, '/auth/sign-out')).headers.location, '/auth/?done=signed_out')
})
