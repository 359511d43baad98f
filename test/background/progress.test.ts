import { ObjectId } from 'mongodb'
import t from 'tap'
import { createErasing } from '../../src/accounts/erase.ts'
import type { EventList } from '../../src/events/event-list.ts'
import { build, collectionsOf } from '../helper.ts'

t.test(
  'background › a hundred expired grants do not decrypt › the next one is checked, and they are not retried',
  async t => {
    const { app, signedIn, google, clock } = await build(t)
    const ada = await signedIn()
    google.fault('token', { mutate: json => ({ ...json, refresh_token_expires_in: 3600 }) })
    await ada.connected()
    const { connections } = collectionsOf(app)
    const good = await connections.findOne({ live: true })
    if (!good?.refreshTokenExpiresAt) throw new Error('there is no end')
    const end = new Date(good.refreshTokenExpiresAt.getTime() - 1000)
    const broken = Array.from({ length: 100 }, (_, at) => ({
      ...good,
      _id: new ObjectId(),
      account: { sub: `broken-${at}`, email: '' },
      refreshToken: 'broken',
      accessToken: 'broken',
      refreshTokenExpiresAt: end,
      outbox: []
    }))
    await connections.insertMany(broken)
    clock.advance(4000_000)
    const refreshes = google.calls('token')
    for (let round = 0; round < 2; round++) await app.background.run()
    t.equal(google.calls('token'), refreshes + 1)
    const looks = await connections.distinct('nextLookAt', { 'account.sub': /^broken/ })
    t.ok(looks.length > 0 && looks.every(look => (look?.getTime() ?? 0) > clock.nowMs()))
    t.equal(await connections.countDocuments({ nextLookAt: { $exists: false } }), 0)
    // A dead one is in no index that a scan reads.
    const plan = JSON.stringify(
      (await connections.indexes())
        .filter(({ key }) => 'refreshTokenExpiresAt' in key)
        .map(index => index.partialFilterExpression)
    )
    t.match(plan, /"deadReason":null.*"deadReason":null/)
  }
)

t.test('background › Google refuses many revocations of one account › others are revoked', async t => {
  const { app, google, clock } = await build(t)
  google.fault('revoke', { status: 500 }, { times: Infinity, only: ({ body }) => body.includes('refused') })
  const queue = (sub: string, token: string) =>
    app.revocations.enqueue({ userId: new ObjectId(), service: 'gmail', sub, token })
  for (let at = 0; at < 60; at++) await queue('unlucky', `refused-${at}`)
  clock.advance(1)
  await queue('lucky', 'unknown-token')
  for (let round = 0; round < 2; round++) await app.background.run()
  const left = await collectionsOf(app).connections.distinct('account.sub', { live: false })
  t.same(left, ['unlucky'])
})

t.test('background › fifty erasures cannot be finished › they wait, and the next one is done', async t => {
  const { app, clock } = await build(t)
  const { users } = collectionsOf(app)
  const erased = (at: number) => ({
    _id: new ObjectId(),
    email: null,
    name: null,
    picture: null,
    erasedAt: new Date(clock.nowMs() - 1000 + at),
    outbox: [],
    createdAt: new Date(),
    lastSignInAt: new Date()
  })
  const [last, ...stuck] = Array.from({ length: 51 }, (_, at) => erased(50 - at))
  await users.insertMany([...stuck, last as NonNullable<typeof last>])
  const tried: string[] = []
  const erasing = createErasing({
    ...app,
    repository: {
      ...app.connections,
      async listOf(userId: ObjectId) {
        tried.push(userId.toHexString())
        if (!last?._id.equals(userId)) throw new Error('cannot be listed')
        return []
      }
    }
  })
  await t.rejects(erasing.finishInterrupted(new AbortController().signal), /cannot be listed/, 'the worker tells')
  await erasing.finishInterrupted(new AbortController().signal)
  t.equal(tried.filter(id => id !== last?._id.toHexString()).length, 50, 'each once')
  t.equal(await users.findOne({ _id: last?._id ?? new ObjectId() }), null)
})

t.test('background › a record’s events cannot be listed › those of other records are', async t => {
  const { app } = await build(t)
  const { users } = collectionsOf(app)
  const record = (id: string) => ({
    _id: new ObjectId(),
    email: null,
    name: null,
    picture: null,
    outbox: [{ id, type: 'user.deleted', createdAt: new Date(), data: { user: { id: 'x' } } }],
    createdAt: new Date(),
    lastSignInAt: new Date()
  })
  await users.insertMany([...Array.from({ length: 100 }, (_, at) => record(`bad-${at}`)), record('good')] as never)
  const listed: string[] = []
  const list = {
    async append(...events: { id: string }[]) {
      if (events.some(({ id }) => id.startsWith('bad'))) throw new Error('not listed')
      listed.push(...events.map(({ id }) => id))
    }
  } as unknown as EventList
  await t.rejects(app.users.relayEvents(list), /not listed/)
  t.same(listed, ['good'])
})
