import type { Session } from 'fastify'
import t, { type Test } from 'tap'
import { type Browser, collectionsOf, enter, isProblem, type World } from '../../helper.ts'

/** A request of the user that waits for Google until it is released. */
interface Held {
  answer: ReturnType<Browser['fetch']>
  release: () => void
}

async function hold(
  { google }: World,
  endpoint: 'gmail' | 'token',
  send: () => ReturnType<Browser['fetch']>
): Promise<Held> {
  const { promise, resolve } = Promise.withResolvers<void>()
  google.fault(endpoint, { delayUntil: promise })
  const arrived = google.arrival(endpoint)
  const answer = send()
  await arrived
  return { answer, release: resolve }
}

/** What a signed-in user may have under way when the session ends. */
type Slow = (world: World, ada: Browser) => Promise<Held>
const reading: Slow = async (world, ada) => {
  const { id } = await ada.connected()
  return hold(world, 'gmail', () => ada.clone().fetch(`/connections/${id}/gmail/messages`))
}
const modifying: Slow = async (world, ada) => {
  const { id } = await ada.connected()
  const url = `/connections/${id}/gmail/messages/${world.google.user('ada@example.com').messages[0]?.id}/modify`
  return hold(world, 'gmail', () => ada.clone().fetch(url, 'POST', { addLabels: ['STARRED'] }))
}
const connecting: Slow = async (world, ada) => {
  const callback = await ada.authorize('/connect/gmail')
  return hold(world, 'token', () => ada.clone().fetch(callback))
}

async function isOver(t: Test, { app }: World, stolen: Browser, replicas: World['app'][]): Promise<void> {
  for (const replica of replicas)
    isProblem(t, await stolen.clone(replica).fetch('/auth/session'), 401, 'unauthenticated')
  t.equal(await collectionsOf(app).sessions.countDocuments(), 0, 'no row of it is left or back')
}

t.test('[R39] logout › a captured cookie › invalid on every replica at once', async t => {
  const world = await enter(t)
  const replicas = [world.app, await world.replica(), await world.replica()]
  for (const signsOutAt of replicas) {
    const ada = await world.signedIn()
    const stolen = ada.clone()
    for (const replica of replicas) t.equal((await stolen.clone(replica).fetch('/auth/session')).statusCode, 200)
    const out = await ada.clone(signsOutAt).fetch('/auth/session', 'DELETE')
    t.equal(out.statusCode, 204)
    t.match(out.headers['set-cookie'], /^guichet-3000=; Max-Age=0/, 'the browser forgets it')
    await isOver(t, world, stolen, replicas)
    for (const url of ['/connections', '/connections/x1', '/connect/gmail'])
      isProblem(t, await stolen.clone(replicas[1]).fetch(url), 401, 'unauthenticated')
    isProblem(t, await stolen.fetch('/auth/user', 'DELETE'), 401, 'unauthenticated')
  }
})

t.test('[R39] logout › one of a user’s two sessions › the other stays', async t => {
  const world = await enter(t)
  const [phone, laptop] = [await world.signedIn(), await world.signedIn()]
  await phone.fetch('/auth/session', 'DELETE')
  isProblem(t, await phone.fetch('/auth/session'), 401, 'unauthenticated')
  t.equal((await laptop.fetch('/auth/session')).statusCode, 200)
  t.equal((await world.browser().fetch('/auth/session', 'DELETE')).statusCode, 204, 'a stranger’s ends nothing')
  t.equal((await laptop.fetch('/auth/session')).statusCode, 200)
})

t.test('[R39] logout › flows started before it › refused after it', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  const callback = await ada.authorize('/connect/gmail')
  const stolen = ada.clone()
  await ada.fetch('/auth/session', 'DELETE')
  isProblem(t, await stolen.fetch(callback), 400, 'flow_wrong_session')
  t.equal(world.google.calls('token'), 1, 'only the sign-in was exchanged')
})

for (const [name, slow] of Object.entries({ reading, modifying, connecting })) {
  t.test(`[R40] logout › 20 times while a request is ${name} › the session stays deleted`, async t => {
    const world = await enter(t)
    const replicas = [world.app, await world.replica()]
    for (let round = 0; round < 20; round++) {
      const ada = await world.signedIn()
      // Late enough for a request to note the session's use.
      world.clock.advance(61_000)
      const stolen = ada.clone()
      const { answer, release } = await slow(world, ada)
      t.equal((await ada.clone(replicas[round % 2]).fetch('/auth/session', 'DELETE')).statusCode, 204)
      isProblem(t, await stolen.fetch('/auth/session'), 401, 'unauthenticated')
      release()
      const { statusCode, headers } = await answer
      t.equal(statusCode, 200, 'it was allowed when it came')
      t.equal(headers['set-cookie'], undefined)
      await isOver(t, world, stolen, replicas)
    }
    t.same(world.google.violations, [])
  })

  t.test(`[R40] erasing › 4 times while a request is ${name} › the session stays deleted`, async t => {
    const world = await enter(t)
    const replicas = [world.app, await world.replica()]
    for (let round = 0; round < 4; round++) {
      const ada = await world.signedIn()
      world.clock.advance(61_000)
      const stolen = ada.clone()
      const { answer, release } = await slow(world, ada)
      t.equal((await ada.clone(replicas[round % 2]).fetch('/auth/user', 'DELETE')).statusCode, 204)
      release()
      const { statusCode } = await answer
      t.ok(statusCode < 500, `its own answer: ${statusCode}`)
      await isOver(t, world, stolen, replicas)
      t.equal(await collectionsOf(world.app).users.countDocuments({ erasedAt: { $exists: false } }), 0, 'nor the user')
    }
  })
}

for (const who of ['a signed-in user', 'a first visitor']) {
  t.test(`[R40] logout › while ${who} comes back from Google’s sign-in › nobody is signed in`, async t => {
    const world = await enter(t)
    const replicas = [world.app, await world.replica()]
    for (let round = 0; round < 4; round++) {
      const jar = who === 'a first visitor' ? world.browser() : await world.signedIn()
      const callback = await jar.authorize('/auth/google')
      const stolen = jar.clone()
      const { answer, release } = await hold(world, 'token', () => jar.fetch(callback))
      const repeated = stolen.clone(replicas[1]).fetch(callback)
      t.equal((await stolen.clone(replicas[round % 2]).fetch('/auth/session', 'DELETE')).statusCode, 204)
      release()
      isProblem(t, await answer, 400, 'flow_wrong_session')
      t.equal((await repeated).statusCode, 400)
      isProblem(t, await jar.fetch('/auth/session'), 401, 'unauthenticated')
      await isOver(t, world, stolen, replicas)
    }
  })
}

t.test('[R40] logout › a session read before it and saved after it › nothing is written', async t => {
  const { app, signedIn } = await enter(t)
  const ada = await signedIn()
  const id = decodeURIComponent(ada.cookies.get('guichet-3000') ?? '').split('.')[0] ?? ''
  const store = app.sessions
  const read = () =>
    new Promise<Session | null | undefined>((resolve, reject) =>
      store.get(id, (error, session) => (error ? reject(error) : resolve(session as Session | null)))
    )
  const session = await read()
  if (!session) throw new Error('the session is not there')
  await ada.clone().fetch('/auth/session', 'DELETE')
  session.earlier = ['changed meanwhile']
  await new Promise(resolve => store.set(id, session, resolve))
  t.equal(await read(), null)
  t.equal(await collectionsOf(app).sessions.countDocuments(), 0)
})
