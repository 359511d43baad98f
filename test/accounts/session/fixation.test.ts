import { createHash } from 'node:crypto'
import t from 'tap'
import { type Browser, collectionsOf, enter, isProblem, type World } from '../../helper.ts'

const cookieOf = (browser: Browser) => browser.cookies.get('guichet-3000') ?? ''
const rowIdOf = (cookie: string) =>
  createHash('sha256')
    .update(decodeURIComponent(cookie).split('.')[0] ?? '')
    .digest('base64url')

async function sessionRows({ app }: World): Promise<string[]> {
  const rows = await collectionsOf(app)
    .sessions.find({}, { projection: { _id: 1 } })
    .toArray()
  return rows.map(({ _id }) => _id)
}

function withCookie(world: World, cookie: string): Browser {
  const browser = world.browser()
  browser.cookies.set('guichet-3000', cookie)
  return browser
}

t.test('[R37] fixation › the id from before sign-in › invalid at once on every replica, and deleted', async t => {
  const world = await enter(t)
  const other = await world.replica()
  const ada = world.browser()
  const callback = await ada.authorize('/auth/google')
  const before = cookieOf(ada)
  t.same(await sessionRows(world), [rowIdOf(before)], 'kept by its hash alone')
  t.equal((await ada.fetch(callback)).statusCode, 200)
  const after = cookieOf(ada)

  t.not(after, before)
  isProblem(t, await withCookie(world, before).fetch('/auth/session'), 401, 'unauthenticated')
  isProblem(t, await withCookie(world, before).clone(other).fetch('/auth/session'), 401, 'unauthenticated')
  t.same(await sessionRows(world), [rowIdOf(after)], 'the old row is gone')
  t.equal((await ada.fetch('/auth/session')).statusCode, 200)
  t.same(world.google.violations, [])
})

t.test('[R37] fixation › signing in again while signed in › the earlier id is invalid too', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  const first = cookieOf(ada)
  await ada.signIn('bob@example.com')
  t.equal((await ada.fetch('/auth/session')).json().user.email, 'bob@example.com')
  isProblem(t, await withCookie(world, first).fetch('/auth/session'), 401, 'unauthenticated')
  t.same(await sessionRows(world), [rowIdOf(cookieOf(ada))])
})

t.test('[R37] fixation › a session id chosen by the sender › is never adopted', async t => {
  const world = await enter(t)
  const ada = withCookie(world, 'chosen-by-someone-else')
  await ada.signIn()
  t.notMatch(cookieOf(ada), 'chosen-by-someone-else')
  t.same(await sessionRows(world), [rowIdOf(cookieOf(ada))])
})

t.test('[R37] fixation › a sign-in fails › the session is unchanged', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  const before = cookieOf(ada)
  const denied = await ada.authorize('/auth/google', { as: 'bob@example.com', deny: 'access_denied' })
  isProblem(t, await ada.fetch(denied), 400, 'access_denied')
  t.equal(cookieOf(ada), before)
  t.equal((await ada.fetch('/auth/session')).json().user.email, 'ada@example.com')
})

t.test('[R38] fixation › a planted session › is useless to the attacker once the victim signs in', async t => {
  const world = await enter(t)
  const attacker = world.browser()
  const attackersCallback = await attacker.authorize('/auth/google', { as: 'bob@example.com' })
  const planted = cookieOf(attacker)

  const victim = withCookie(world, planted)
  await victim.signIn('ada@example.com')
  t.not(cookieOf(victim), planted)
  isProblem(t, await attacker.clone().fetch('/auth/session'), 401, 'unauthenticated')

  const exchanges = world.google.calls('token')
  const again = await attacker.clone().fetch(attackersCallback)
  isProblem(t, again, 400, 'flow_wrong_session')
  t.equal((await victim.fetch(attackersCallback)).json().user.email, 'ada@example.com', 'the victim stays who it is')
  t.equal((await victim.navigate(attackersCallback)).statusCode, 303)
  t.equal(world.google.calls('token'), exchanges, 'and the attacker’s code is never used')
  t.equal((await victim.fetch('/auth/session')).json().user.email, 'ada@example.com')
  t.equal(await collectionsOf(world.app).users.countDocuments(), 1, 'the attacker has no account here')
  t.same(world.google.violations, [])
})

t.test('[R38] fixation › flows planted before sign-in › make no connection after it', async t => {
  const world = await enter(t)
  const attacker = await world.signedIn('bob@example.com')
  const planted = await attacker.authorize('/connect/gmail?returnTo=/planted', { as: 'bob@example.com' })
  const victim = attacker.clone()
  await victim.signIn('ada@example.com')

  isProblem(t, await victim.fetch(planted), 400, 'flow_wrong_session')
  isProblem(t, await attacker.fetch('/auth/session'), 401, 'unauthenticated')
  t.same((await victim.fetch('/connections')).json(), { connections: [] })
  t.equal((await victim.navigate(planted)).headers.location, '/?status=flow_wrong_session', 'nor to a place planted')
  t.same(world.google.violations, [])
})
