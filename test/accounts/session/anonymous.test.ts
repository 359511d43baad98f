import t from 'tap'
import { collectionsOf, enter, type World } from '../../helper.ts'
import { fill, routesOf } from '../../http/routes.ts'

const batch = 50

/** The number of rows that a visitor could leave behind. */
async function rowsOf({ app }: World) {
  const collections = collectionsOf(app)
  const [sessions, flows, users, connections] = await Promise.all([
    collections.sessions.countDocuments(),
    collections.flows.countDocuments(),
    collections.users.countDocuments(),
    collections.connections.countDocuments()
  ])
  return { sessions, flows, users, connections }
}

t.test('[R46] strangers › 1000 GETs of everything but the start of sign-in › no session, no cookie', async t => {
  const world = await enter(t)
  const { app } = world
  const routes = routesOf(app).filter(({ method, url }) => method === 'GET' && url !== '/auth/google')
  t.ok(routes.length >= 15, 'the list is not empty')
  const requests = routes.flatMap(route => {
    const url = fill(route, { service: 'gmail', id: '0123456789abcdef01234567' })
    return [
      { url },
      { url, headers: { accept: 'text/html' } },
      { url: `${url}?state=${'s'.repeat(43)}&code=4/0A` },
      { url: `${url}?state=${'s'.repeat(43)}&error=access_denied`, headers: { accept: 'text/html' } },
      { url: '/no-such-thing' }
    ]
  })
  let cookies = 0
  let errors = 0
  for (let sent = 0; sent < 1000; sent += batch) {
    const round = Array.from({ length: batch }, (_, i) => requests[(sent + i) % requests.length] ?? '/')
    for (const { headers, statusCode } of await Promise.all(round.map(request => app.inject(request)))) {
      if (headers['set-cookie'] !== undefined) cookies++
      if (statusCode >= 500) errors++
    }
  }
  t.equal(cookies, 0, 'no Set-Cookie')
  t.equal(errors, 0, 'no error')
  t.same(await rowsOf(world), { sessions: 0, flows: 0, users: 0, connections: 0 })
  t.same(world.google.calls('token'), 0)
})

t.test('[R46] strangers › the start of sign-in › makes a session and a cookie', async t => {
  const world = await enter(t)
  const started = await world.app.inject('/auth/google')
  t.ok(started.headers['set-cookie'])
  t.match(await rowsOf(world), { sessions: 1, flows: 1, users: 0 })
})

t.test('[R46] a session that is only read › no new cookie', async t => {
  const { signedIn } = await enter(t)
  const ada = await signedIn()
  for (const url of ['/auth/session', '/connections', '/services', '/', '/connect/gmail', '/auth/google'])
    t.equal((await ada.fetch(url)).headers['set-cookie'], undefined, url)
})
