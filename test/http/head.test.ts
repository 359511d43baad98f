import t from 'tap'
import { enter } from '../helper.ts'
import { createKey, operationsOf } from './operations.ts'
import { routesOf } from './routes.ts'

t.test('HEAD › health, pages and documents › the answer of GET, without its body', async t => {
  const { app } = await enter(t)
  const authorization = await createKey(app)
  const { url: link } = (
    await app.inject({
      method: 'POST',
      url: '/v1/tickets',
      headers: { authorization },
      payload: { externalId: 'u-1', service: 'gmail' }
    })
  ).json()
  const ticket = link.slice('http://localhost:3000'.length)
  const files = routesOf(app).filter(({ method, url }) => method === 'GET' && /\.(js|css|json)$/.test(url))
  t.ok(files.length > 5, 'files of pages are among them')
  for (const url of ['/', '/docs', '/popup', '/livez', '/readyz', ticket, ...files.map(({ url }) => url)]) {
    const got = await app.inject({ url })
    const head = await app.inject({ method: 'HEAD', url })
    t.equal(head.statusCode, 200, url)
    t.equal(head.body, '', url)
    const { date: _, ...expected } = got.headers
    t.match(head.headers, expected, `${url}: the same headers, content-length among them`)
  }
  t.equal((await app.inject(ticket)).statusCode, 200, 'the ticket is still good')
})

t.test('HEAD › starts, callbacks and the API › refused', async t => {
  const { app, signedIn } = await enter(t)
  const ada = await signedIn()
  const gets = (await operationsOf(app)).filter(({ method, path }) => method === 'GET' && !/z$|^\/start$/.test(path))
  t.ok(gets.length > 10)
  for (const { path } of gets) {
    const response = await ada.request({ method: 'HEAD', url: path.replaceAll(/\{\w+\}/g, 'x1') })
    t.equal(response.statusCode, 405, path)
    t.equal(response.body, '')
  }
})

t.test('documents › have an ETag, and answer 304 to a request that names it', async t => {
  const { app } = await enter(t)
  const files = routesOf(app).filter(({ method, url }) => method === 'GET' && /\.(js|css|json)$/.test(url))
  for (const url of ['/docs', ...files.map(({ url }) => url)]) {
    const { etag } = (await app.inject(url)).headers
    t.match(etag, /^"[0-9a-f]{16}"$/, url)
    const again = await app.inject({ url, headers: { 'if-none-match': `W/${etag}` } })
    t.equal(again.statusCode, 304, url)
    t.equal(again.body, '')
    t.equal((await app.inject({ url, headers: { 'if-none-match': '"other"' } })).statusCode, 200)
  }
})
