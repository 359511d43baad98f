import { BSON, MongoNetworkError, type ObjectId } from 'mongodb'
import t, { type Test } from 'tap'
import { createBackend } from '../backend/backend.ts'
import { collectionsOf, enter, isProblem, localPath, type World } from '../helper.ts'
import { createHostApp } from './tickets/ticket.ts'

const hourMs = 3_600_000
const ada = '100000000000000000001'
const email = 'ada@example.com'

const livingGrants = ({ google }: World) => google.ledger.of('refresh_token', { sub: ada, alive: true }).length

/** Holds back what the tickets' method gives, until `release` is called; `reached` once so many have called it. */
function hold(t: Test, { tickets }: World['app'], method: 'find' | 'voidedAt', calls: number) {
  const original = tickets[method] as (argument: never) => Promise<unknown>
  const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let called = 0
  t.intercept(tickets, method, {
    value: async (argument: never) => {
      const given = await original(argument)
      if (++called === calls) reached.resolve()
      await released.promise
      return given
    }
  })
  return { reached: reached.promise, release: released.resolve }
}

/** Nothing of the user is left, apart from records that expire by themselves. */
async function isErased(t: Test, world: World): Promise<void> {
  const { app, clock } = world
  const { users, sessions, flows, connections, tickets, events } = collectionsOf(app)
  for (const when of ['now', 'a minute later']) {
    for (const collection of [users, sessions, flows, connections, tickets]) {
      t.equal(await collection.countDocuments(), 0, `${collection.collectionName}, ${when}`)
    }
    clock.advance(60_000)
    await app.background.run()
  }
  const kept = (await events.find().toArray()).map(event => Buffer.from(BSON.serialize(event)).toString('latin1'))
  t.ok(kept.length > 0)
  for (const name of [email, ada]) t.notMatch(kept.join(), name, 'the events that are kept do not say who it was')
  t.equal((await events.find({ type: 'user.deleted' }).toArray()).length, 1)
  t.equal(livingGrants(world), 0, 'nothing is left at Google')
}

t.test('[R32] erasing › without a session › refused', async t => {
  const world = await enter(t)
  await (await world.signedIn()).connected()
  isProblem(t, await world.browser().fetch('/auth/user', 'DELETE'), 401, 'unauthenticated')
  t.equal(livingGrants(world), 1)
})

t.test('[R32] erasing › connections, sessions, flows and the user › deleted, and revoked at Google', async t => {
  const world = await enter(t)
  const { google, app } = world
  const [phone, laptop] = [await world.signedIn(), await world.signedIn()]
  await phone.connected()
  await phone.connect({}, '/connect/calendar')
  await phone.connected({ as: 'bob@example.com' })
  await phone.fetch('/connect/gmail')
  await laptop.fetch('/auth/google')
  const erased = await phone.clone().fetch('/auth/user', 'DELETE')
  t.equal(erased.statusCode, 204)
  t.match(erased.headers['set-cookie'], /^guichet-3000=; Max-Age=0/)
  for (const browser of [phone, laptop]) isProblem(t, await browser.fetch('/auth/session'), 401, 'unauthenticated')
  t.equal(google.calls('revoke'), 2, 'one for each Google account')
  t.equal(google.ledger.of('refresh_token', { alive: true }).length, 0)
  await app.background.run()
  await isErased(t, world)
  world.clock.advance(2 * hourMs)
  t.same(google.violations, [])
})

t.test('[R32] erasing › Google is down › deleted here at once, revoked when Google is back', async t => {
  const world = await enter(t)
  const user = await world.signedIn()
  await user.connected()
  world.google.fault('revoke', { status: 503 })
  t.equal((await user.fetch('/auth/user', 'DELETE')).statusCode, 204)
  t.equal(await collectionsOf(world.app).users.countDocuments(), 0)
  world.clock.advance(10_000)
  await world.app.background.run()
  await isErased(t, world)
})

t.test('[R32] erasing › while five requests are waiting for Google › none of them restores anything', async t => {
  const world = await enter(t)
  const { app, google, clock } = world
  const user = await world.signedIn()
  const backend = await createBackend(app)
  const { id: expired } = (await user.connect({}, '/connect/calendar')).json().connection
  clock.advance(hourMs)
  const mailbox = `/connections/${(await user.connected()).id}/gmail/messages`
  const message = google.user(ada).messages[0]?.id
  const callbacks = [await user.authorize('/connect/gmail'), await user.authorize('/connect/drive')]

  google.rotateRefreshTokens = true
  const { promise, resolve } = Promise.withResolvers<void>()
  google.fault('token', { delayUntil: promise }, 3)
  google.fault('gmail', { delayUntil: promise }, 2)
  const arrived = [google.arrival('token', 3), google.arrival('gmail', 2)]
  const underWay = [
    user.clone().fetch(mailbox),
    user.clone().fetch(`${mailbox}/${message}/modify`, 'POST', { addLabels: ['STARRED'] }),
    backend.vend(expired),
    ...callbacks.map(callback => user.clone().fetch(callback))
  ]
  await Promise.all(arrived)
  t.equal((await user.clone().fetch('/auth/user', 'DELETE')).statusCode, 204)
  resolve()
  const statuses = (await Promise.all(underWay)).map(({ statusCode }) => statusCode)
  t.same(statuses, [200, 200, 404, 401, 401])
  isProblem(t, await user.fetch('/auth/session'), 401, 'unauthenticated')
  await app.background.run()
  await isErased(t, world)
})

t.test('[R32] erasing › a connection is stored just after › it is removed again', async t => {
  const world = await enter(t)
  const { app } = world
  const user = await world.signedIn()
  const callback = await user.authorize('/connect/gmail')
  const { connections } = collectionsOf(app)
  const insert = connections.insertOne.bind(connections)
  const { restore } = t.intercept(connections, 'insertOne', {
    value: async (...args: Parameters<typeof insert>) => {
      restore()
      t.equal((await user.clone().fetch('/auth/user', 'DELETE')).statusCode, 204)
      return insert(...args)
    }
  })
  isProblem(t, await user.clone().fetch(callback), 401, 'unauthenticated')
  await app.background.run()
  await isErased(t, world)
})

t.test('[R32] erasing › a process stores a connection meanwhile and dies › it is removed again', async t => {
  const world = await enter(t)
  const { app } = world
  const user = await world.signedIn()
  await user.connected()
  const callback = await user.authorize('/connect/calendar')
  const dying = await world.replica()
  const [arrived, released, stored, erased] = [1, 2, 3, 4].map(() => Promise.withResolvers<void>())
  const insert = collectionsOf(dying).connections.insertOne.bind(collectionsOf(dying).connections)
  t.intercept(collectionsOf(dying).connections, 'insertOne', {
    value: async (...args: Parameters<typeof insert>) => {
      arrived?.resolve()
      await released?.promise
      await insert(...args)
      stored?.resolve()
      await erased?.promise
      throw new MongoNetworkError('the process died')
    }
  })
  const answer = user.clone(dying).fetch(callback)
  await arrived?.promise
  const { sessions } = collectionsOf(app)
  const remove = sessions.deleteMany.bind(sessions)
  const { restore } = t.intercept(sessions, 'deleteMany', {
    value: async (...args: Parameters<typeof remove>) => {
      restore()
      released?.resolve()
      await stored?.promise
      return remove(...args)
    }
  })
  t.equal((await user.clone().fetch('/auth/user', 'DELETE')).statusCode, 204)
  erased?.resolve()
  await answer
  // A round in between may have found it too early: it is looked at again after a pause.
  world.clock.advance(10_000)
  await app.background.run()
  await isErased(t, world)
})

t.test('[R32] erasing › while the same user signs in › the new session is removed again', async t => {
  const world = await enter(t)
  const { app } = world
  const user = await world.signedIn()
  const again = world.browser()
  const callback = await again.authorize('/auth/google')
  const signIn = app.users.signIn
  const { restore } = t.intercept(app.users, 'signIn', {
    value: async (identity: Parameters<typeof signIn>[0]) => {
      restore()
      const record = await signIn(identity)
      await user.clone().fetch('/auth/user', 'DELETE')
      return record
    }
  })
  await again.fetch(callback)
  isProblem(t, await again.fetch('/auth/session'), 401, 'unauthenticated')
  t.equal(await collectionsOf(app).sessions.countDocuments(), 0)
  t.equal(await collectionsOf(app).users.countDocuments(), 0)
})

t.test('[R32] erasing › while the same browser comes back from Google’s sign-in › the user stays deleted', async t => {
  const world = await enter(t)
  const { app, google } = world
  const user = await world.signedIn()
  const callback = await user.authorize('/auth/google')
  const { promise, resolve } = Promise.withResolvers<void>()
  google.fault('token', { delayUntil: promise })
  const arrived = google.arrival('token')
  const answer = user.fetch(callback)
  await arrived
  t.equal((await user.clone(await world.replica()).fetch('/auth/user', 'DELETE')).statusCode, 204)
  resolve()
  isProblem(t, await answer, 400, 'flow_wrong_session')
  isProblem(t, await user.fetch('/auth/session'), 401, 'unauthenticated')
  await app.background.run()
  await isErased(t, world)
})

for (const [what, collection, method] of [
  ['the sessions', 'sessions', 'deleteMany'],
  ['the events', 'events', 'updateMany'],
  ['the revocation', 'revocations', 'updateOne']
] as const) {
  t.test(`[R32] erasing › cut off at ${what} › another replica’s worker finishes it`, async t => {
    const world = await enter(t)
    const { app } = world
    const user = await world.signedIn()
    await user.connected()
    const cut = t.intercept(collectionsOf(app)[collection], method, {
      value: () => Promise.reject(new MongoNetworkError('the connection was reset'))
    })
    const { statusCode } = await user.fetch('/auth/user', 'DELETE')
    t.ok(statusCode === 204 || statusCode === 503, String(statusCode))
    await app.close()
    cut.restore()
    const replica = await world.replica()
    world.clock.advance(10_000)
    await replica.background.run()
    await replica.background.run()
    await isErased(t, { ...world, app: replica })
  })
}

t.test('[R32] erasing › a user of a host app with an open ticket › the ticket is deleted too', async t => {
  const world = await enter(t)
  const host = await createHostApp(world)
  const guest = world.browser()
  t.equal((await host.press(guest, await host.ticket({ externalId: 'u-17' }))).statusCode, 200)
  const open = await host.ticket({ externalId: 'u-17', service: 'gmail', expectedEmail: email })
  const others = await host.ticket({ externalId: 'u-18' })
  t.equal((await guest.fetch('/auth/user', 'DELETE')).statusCode, 204)
  t.equal((await host.press(world.browser(), open)).statusCode, 404)
  await world.app.background.run()
  t.equal(await collectionsOf(world.app).users.countDocuments(), 0)
  t.equal((await host.press(world.browser(), others)).statusCode, 200, 'that of another is good')
})

for (const [when, step] of [
  ['before its user is stored', 'users.forHostApp'],
  ['before it is used up', 'tickets.take']
] as const) {
  t.test(`[R32] erasing › a ticket is pressed, ${when} › the user stays deleted`, async t => {
    const world = await enter(t)
    const { app } = world
    const host = await createHostApp(world)
    const guest = world.browser()
    await host.press(guest, await host.ticket({ externalId: 'u-17' }))
    const open = await host.ticket({ externalId: 'u-17' })
    const [part, method] = step.split('.') as ['users', 'forHostApp']
    const original = app[part][method]
    const cut = t.intercept(app[part], method, {
      value: async (...args: Parameters<typeof original>) => {
        cut.restore()
        t.equal((await guest.fetch('/auth/user', 'DELETE')).statusCode, 204)
        return original(...args)
      }
    })
    const late = world.browser()
    t.equal((await host.press(late, open)).statusCode, 404)
    isProblem(t, await late.fetch('/auth/session'), 401, 'unauthenticated')
    await app.background.run()
    t.equal(await collectionsOf(app).users.countDocuments(), 0)

    world.clock.advance(1)
    t.equal(
      (await host.press(world.browser(), await host.ticket({ externalId: 'u-17' }))).statusCode,
      200,
      'a later one does'
    )
  })
}

t.test(
  '[R32] erasing › a ticket is pressed twice at once, and another of the user too › the user stays deleted',
  async t => {
    const world = await enter(t)
    const { app, clock } = world
    const host = await createHostApp(world)
    const guest = world.browser()
    await host.press(guest, await host.ticket({ externalId: 'u-17' }))
    const first = await host.ticket({ externalId: 'u-17' })
    clock.advance(1)
    const second = await host.ticket({ externalId: 'u-17' })
    const page = `&page=${'p'.repeat(43)}`
    const presses = [first, first, second]
    // Each has read its ticket before the user is erased, and stored the user before any learns that the ticket is void.
    const read = hold(t, app, 'find', presses.length)
    const stored = hold(t, app, 'voidedAt', presses.length)
    const pressed = presses.map(link => host.press(world.browser(), link, {}, page))
    await read.reached
    t.equal((await guest.fetch('/auth/user', 'DELETE')).statusCode, 204)
    const { forHostApp } = app.users
    t.intercept(app.users, 'forHostApp', {
      value: (ticket: Parameters<typeof forHostApp>[0]) => {
        clock.advance(1)
        return forHostApp(ticket)
      }
    })
    read.release()
    await stored.reached
    t.equal(await collectionsOf(app).users.countDocuments({ externalId: 'u-17' }), 1)
    stored.release()
    t.same(
      (await Promise.all(pressed)).map(({ statusCode }) => statusCode),
      [404, 404, 404]
    )
    await app.background.run()
    t.equal(await collectionsOf(app).users.countDocuments(), 0)
  }
)

t.test('[R32] erasing › a user of a host app › no remaining event names the user', async t => {
  const world = await enter(t)
  const { app, google } = world
  const host = await createHostApp(world)
  const guest = world.browser()
  const pressed = await host.press(guest, await host.ticket({ externalId: 'user-of-the-app', service: 'gmail' }))
  await guest.navigate(localPath(google.consent(pressed.goesTo ?? '')))
  const { connections } = (await guest.fetch('/connections')).json()
  const data = { connectionId: connections[0].id, externalId: 'user-of-the-app', messageId: 'm1' }
  await app.background.run()
  await app.events.append({ id: 'evt_1', type: 'gmail.message_received', createdAt: new Date(), data })
  const other = { ...data, connectionId: '0'.repeat(24), externalId: 'another' }
  await app.events.append({ id: 'evt_2', type: 'gmail.message_received', createdAt: new Date(), data: other })
  t.equal((await guest.fetch('/auth/user', 'DELETE')).statusCode, 204)
  await app.background.run()
  const kept = JSON.stringify(await collectionsOf(app).events.find().toArray())
  for (const name of ['user-of-the-app', ada, email]) t.notMatch(kept, name)
  t.match(kept, '"another"', 'events of others stay as they are')
  t.match(kept, '"m1"')
})

t.test('[R32] erasing › events of other users wait to be listed › no delay', async t => {
  const { app, signedIn } = await enter(t)
  const [user, other] = [await signedIn(), await signedIn('bob@example.com')]
  await user.connected()
  await app.background.run()
  const { append } = app.events
  const released = Promise.withResolvers<void>()
  const bob = (await other.fetch('/auth/session')).json().user.id
  t.intercept(app.events, 'append', {
    value: async (event: Parameters<typeof append>[0]) => {
      if (JSON.stringify(event.data).includes(bob)) await released.promise
      return append(event)
    }
  })
  await other.connected({ as: 'bob@example.com' })
  t.equal((await user.fetch('/auth/user', 'DELETE')).statusCode, 204)
  t.equal(await collectionsOf(app).users.countDocuments(), 1)
  released.resolve()
  await app.background.run()
})

t.test('[R32] erasing › one cannot be finished › the others are', async t => {
  const { app, signedIn } = await enter(t)
  const { sessions, users } = collectionsOf(app)
  const remove = sessions.deleteMany.bind(sessions)
  const [first, second] = [await signedIn(), await signedIn('bob@example.com')]
  const cut = t.intercept(sessions, 'deleteMany', {
    value: () => Promise.reject(new MongoNetworkError('the connection was reset'))
  })
  for (const user of [first, second]) t.equal((await user.fetch('/auth/user', 'DELETE')).statusCode, 503)
  cut.restore()
  const [stuck] = await users.find({ erasedAt: { $exists: true } }).toArray()
  t.intercept(sessions, 'deleteMany', {
    value: (filter: { userId?: ObjectId }) =>
      stuck && filter.userId?.equals(stuck._id)
        ? Promise.reject(new MongoNetworkError('the connection was reset'))
        : remove(filter)
  })
  await app.background.run()
  await app.background.run()
  t.same(
    (await users.find().toArray()).map(({ _id }) => _id),
    [stuck?._id]
  )
})

t.test('[R32] erasing › revocations still pending › nothing in them names the user', async t => {
  const { app, google, clock, signedIn } = await enter(t)
  const user = await signedIn()
  await user.connected()
  google.fault('revoke', { status: 503 }, Number.POSITIVE_INFINITY)
  t.equal((await user.fetch('/auth/user', 'DELETE')).statusCode, 204)
  clock.advance(24 * hourMs)
  await app.background.run()
  const left = await collectionsOf(app).connections.find().toArray()
  t.equal(left.length, 1)
  t.notMatch(JSON.stringify(left), email)
})

t.test('[R32] erasing › Google hangs, several accounts › all revocations run at once', async t => {
  const { google, signedIn, app } = await enter(t)
  const user = await signedIn()
  const subs = ['501', '502', '503']
  for (const sub of subs) {
    google.addUser({ sub, email: `${sub}@example.com`, name: sub })
    await user.connected({ as: sub })
  }
  const fault = google.fault('revoke', { hang: true }, subs.length)
  const erasing = user.clone().fetch('/auth/user', 'DELETE')
  // One after the other, the second would not come before the first is answered.
  while (google.calls('revoke') < subs.length) await new Promise(resolve => setImmediate(resolve))
  fault.release()
  t.equal((await erasing).statusCode, 204)
  t.equal(await collectionsOf(app).users.countDocuments(), 0)
})
