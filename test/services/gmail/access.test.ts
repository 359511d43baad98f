import t from 'tap'
import { build, isProblem, problemOf } from '../../helper.ts'
import { connectedMailbox, gmailRoutes } from './mailbox.ts'

const readonly = 'https://www.googleapis.com/auth/gmail.readonly'
const modify = 'https://www.googleapis.com/auth/gmail.modify'

t.test('[R80] gmail › without a session every route is refused', async t => {
  const { app, google, signedIn } = await build(t)
  const { routes } = await connectedMailbox(await signedIn(), google)
  for (const { request } of routes) isProblem(t, await app.inject(request), 401, 'unauthenticated')
  t.equal(google.calls('gmail'), 0)
})

t.test("[R80] gmail › another user's connection › the same answer as for one that does not exist", async t => {
  const { google, browser } = await build(t)
  const [ada, bob] = [browser(), browser()]
  await ada.signIn('ada@example.com')
  await bob.signIn('bob@example.com')
  const { connection, routes } = await connectedMailbox(ada, google, { as: 'ada@example.com' })
  const itself = { name: 'itself', request: { method: 'GET' as const, url: `/connections/${connection.id}` } }
  const ending = { name: 'ending', request: { method: 'DELETE' as const, url: `/connections/${connection.id}` } }
  const shown = ({ instance: _, requestId: __, ...rest }: ReturnType<typeof problemOf>) => rest
  for (const { name, request } of [...routes, itself, ending]) {
    const url = String(request.url)
    const others = await bob.request(request)
    isProblem(t, others, 404, 'not_found')
    for (const id of ['0123456789abcdef01234567', 'no-id-at-all', 'x']) {
      const none = await bob.request({ ...request, url: url.replace(connection.id, id) })
      t.same(shown(problemOf(others)), shown(problemOf(none)), name)
      t.same(Object.keys(others.headers).sort(), Object.keys(none.headers).sort())
    }
  }
  t.equal(google.calls('gmail'), 0)
  t.equal(google.calls('revoke'), 0)
  t.equal((await ada.fetch(itself.request.url)).statusCode, 200, "the owner's connection stands")
  t.same(google.violations, [])
})

t.test('[R80] gmail › a connection of another service has no mailbox', async t => {
  const { google, signedIn } = await build(t)
  const ada = await signedIn()
  const calendar = (await ada.connect({}, '/connect/calendar')).json().connection
  for (const { request } of gmailRoutes(`/connections/${calendar.id}`, google)) {
    isProblem(t, await ada.request(request), 404, 'not_found')
  }
  t.equal(google.calls('gmail'), 0)
})

t.test('[R82] gmail › a scope that the user has not granted › refused before any call to Google', async t => {
  const { google, signedIn, clock } = await build(t)
  const ada = await signedIn()
  const { connection, routes } = await connectedMailbox(ada, google, { grant: [readonly] })
  // No token is fetched for such a call either.
  clock.advance(3_600_000)
  const calls = google.calls('token')
  for (const { request, use } of routes) {
    if (use === 'read') continue
    const response = await ada.request(request)
    isProblem(t, response, 403, 'missing_scopes')
    t.match(problemOf(response), {
      missingScopes: [modify],
      connectUrl: `http://localhost:3000/connect/gmail?connectionId=${connection.id}`
    })
  }
  t.equal(google.calls('gmail'), 0)
  t.equal(google.calls('token'), calls)
  for (const { name, request, use } of routes) {
    if (use === 'read') t.equal((await ada.request(request)).statusCode, 200, name)
  }
  t.same(google.violations, [])
})

t.test('[R82] gmail › modify covers reading, and no scope opens nothing', async t => {
  const { google, signedIn } = await build(t)
  const ada = await signedIn()
  const { routes } = await connectedMailbox(ada, google, { grant: [modify] })
  for (const { name, request } of routes) t.ok((await ada.request(request)).statusCode < 300, name)
  const calls = google.calls('gmail')
  const bob = await signedIn('bob@example.com')
  const without = await connectedMailbox(bob, google, { as: 'bob@example.com', grant: [] })
  for (const { request } of without.routes) isProblem(t, await bob.request(request), 403, 'missing_scopes')
  t.equal(google.calls('gmail'), calls)
})

t.test('[R82] gmail › a refresh brings fewer scopes › they are checked before the call', async t => {
  const { google, signedIn, clock } = await build(t)
  const ada = await signedIn()
  const { routes } = await connectedMailbox(ada, google)
  google.narrow('ada@example.com', [readonly])
  clock.advance(3_600_000)
  const change = routes.find(({ name }) => name === 'modify')
  isProblem(t, await ada.request(change?.request ?? {}), 403, 'missing_scopes')
  t.equal(google.calls('gmail'), 0)
})

t.test('[R80] gmail › Gmail’s answers, with no-store', async t => {
  const { google, signedIn } = await build(t)
  const ada = await signedIn()
  const { routes } = await connectedMailbox(ada, google)
  for (const { name, request } of routes) {
    const response = await ada.request(request)
    t.equal(response.statusCode, name === 'batchModify' ? 204 : 200, name)
    t.equal(response.headers['cache-control'], 'no-store', name)
    if (name === 'attachment') {
      t.equal(response.body, 'Number 1: the store.')
      t.equal(response.headers['content-type'], 'text/plain')
      t.match(response.headers['content-disposition'], /^attachment/)
      t.equal(response.headers['x-content-type-options'], 'nosniff')
    }
  }
  const [message] = google.user('ada@example.com').messages.filter(({ attachments }) => attachments.length > 0)
  t.same([...(message?.labelIds ?? [])].sort(), ['IMPORTANT', 'STARRED'])
  t.same(google.violations, [])
})

t.test('[R80] gmail › a refresh brings fewer scopes than the call needs › refused before any further call', async t => {
  const { google, signedIn } = await build(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  google.narrow('ada@example.com', [readonly])
  google.expireAccessTokens('ada@example.com')
  const message = google.user('ada@example.com').messages[0]?.id
  const change = { addLabels: ['STARRED'] }
  const answer = await ada.fetch(`/connections/${id}/gmail/messages/${message}/modify`, 'POST', change)
  isProblem(t, answer, 403, 'missing_scopes')
  t.match(answer.json(), { missingScopes: [modify], connectUrl: String })
  t.equal(google.calls('gmail'), 1)
})
