import t from 'tap'
import { collectionsOf, enter, isProblem } from '../../helper.ts'

t.test('second callback › of the session before sign-in, when signed in › no exchange, nothing changes', async t => {
  const { browser, google, app } = await enter(t)
  const jar = browser()
  const first = await jar.authorize('/auth/google?returnTo=/first')
  const second = await jar.authorize('/auth/google?returnTo=/second', { as: 'bob@example.com' })
  t.equal((await jar.fetch(first)).json().user.email, 'ada@example.com')
  const cookie = jar.cookies.get('guichet-3000')

  const fetched = await jar.fetch(second)
  t.equal(fetched.statusCode, 200)
  t.equal(fetched.json().user.email, 'ada@example.com', 'the account that consented at Google')
  const navigated = await jar.navigate(second)
  t.same([navigated.statusCode, navigated.headers.location], [303, '/second'])
  const again = await jar.navigate(first)
  t.same([again.statusCode, again.headers.location], [303, '/first'], 'and the Back button leads where it led')

  t.equal(google.calls('token'), 1)
  t.equal(jar.cookies.get('guichet-3000'), cookie, 'the session stays')
  t.equal((await jar.fetch('/auth/session')).json().user.email, 'ada@example.com')
  t.equal(await collectionsOf(app).users.countDocuments(), 1)
  t.equal(await collectionsOf(app).sessions.countDocuments(), 1)
  t.equal(await collectionsOf(app).flows.countDocuments({ usedAt: { $exists: false } }), 1, 'not used up either')
  t.same(google.violations, [])
})

t.test('second callback › its sign-in was denied at Google › nothing changes', async t => {
  const { browser } = await enter(t)
  const jar = browser()
  const first = await jar.authorize('/auth/google')
  const denied = await jar.authorize('/auth/google?returnTo=/second', { deny: 'access_denied' })
  await jar.fetch(first)
  t.equal((await jar.navigate(denied)).statusCode, 303)
  t.equal((await jar.fetch('/auth/session')).statusCode, 200)
})

t.test('second callback › of another browser, or after signing out › refused', async t => {
  const { browser, signedIn, google } = await enter(t)
  const jar = browser()
  const first = await jar.authorize('/auth/google')
  const second = await jar.authorize('/auth/google')
  isProblem(t, await (await signedIn('bob@example.com')).fetch(second), 400, 'flow_wrong_session')
  isProblem(t, await browser().fetch(second), 400, 'flow_wrong_session')
  await jar.fetch(first)
  await jar.fetch('/auth/session', 'DELETE')
  const exchanges = google.calls('token')
  isProblem(t, await jar.fetch(second), 400, 'flow_wrong_session')
  t.equal(google.calls('token'), exchanges)
})

t.test('second callback › a connect of the session before, also sent to the sign-in callback › refused', async t => {
  const { signedIn, google } = await enter(t)
  const jar = await signedIn()
  const connect = await jar.authorize('/connect/gmail')
  await jar.signIn('bob@example.com')
  const exchanges = google.calls('token')
  isProblem(t, await jar.fetch(connect), 400, 'flow_wrong_session')
  const atSignIn = connect.replace('/connect/gmail/callback', '/auth/google/callback')
  const response = await jar.fetch(atSignIn)
  t.ok(response.statusCode === 400, `${response.statusCode} ${response.body}`)
  t.equal(google.calls('token'), exchanges)
})
