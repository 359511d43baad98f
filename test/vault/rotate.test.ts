import { MongoNetworkError, ObjectId } from 'mongodb'
import t, { type Test } from 'tap'
import { rotate } from '../../src/commands/reseal.ts'
import { parseKeyRing } from '../../src/config/key-ring.ts'
import { openToken, sealToken } from '../../src/connections/record.ts'
import { createVault } from '../../src/vault/vault.ts'
import { createBackend } from '../backend/backend.ts'
import { build, collectionsOf, enter, isProblem, type World } from '../helper.ts'
import { guichet, runGuichet } from '../process.ts'
import { sealAsBefore } from './earlier-version.ts'

const key = (id: string, byte: number) => `${id}:${Buffer.alloc(32, byte).toString('base64')}`
const [k1, k2] = [key('k1', 1), key('k2', 2)]
const vaultOf = (ring: string) => createVault(parseKeyRing(ring))
const sealedBy = (id: string) => ({ refreshToken: { $regex: `^v2\\.${id}\\.` } })

/** Connections of many users, sealed under k1; the first two are real ones. */
async function withConnections(t: Test, count: number) {
  const world = await enter(t, { environment: { VAULT_KEYS: k1 } })
  const { connections } = collectionsOf(world.app)
  const user = await world.signedIn()
  const { id } = await user.connected()
  const template = await connections.findOne({ _id: new ObjectId(id) })
  if (!template) throw new Error('there is none')
  const vault = vaultOf(k1)
  await world.app.background.run()
  const more = Array.from({ length: count - 1 }, (_, n) => {
    const owned = { _id: new ObjectId(), userId: new ObjectId() }
    return {
      ...template,
      ...owned,
      outbox: [],
      account: { sub: `4000${n}`, email: `${n}@example.com` },
      accessToken: n % 3 ? sealToken(vault, owned, 'accessToken', `access ${n}`) : null,
      refreshToken: sealToken(vault, owned, 'refreshToken', `refresh ${n}`)
    }
  })
  if (more.length > 0) await connections.insertMany(more)
  return { ...world, user, id, connections }
}

/** Each token opens with that ring alone, and is what it was. */
async function isWhole({ app }: World, ring: string): Promise<number> {
  const vault = vaultOf(ring)
  let opened = 0
  for (const record of await collectionsOf(app).connections.find({ 'account.sub': /^4000/ }).toArray()) {
    const n = record.account.sub.slice(4)
    if (openToken(vault, record, 'refreshToken', record.refreshToken) !== `refresh ${n}`) throw new Error(`lost ${n}`)
    if (record.accessToken && openToken(vault, record, 'accessToken', record.accessToken) !== `access ${n}`)
      throw new Error(`lost ${n}`)
    opened++
  }
  return opened
}

t.test('[R56] rotate › kill -9 in the middle while a replica serves › resumes, and nothing is lost', async t => {
  const world = await withConnections(t, 400)
  const { connections, google, clock, user, id } = world
  const environment = { ...world.environment, VAULT_KEYS: `${k2},${k1}` }
  const serving = await world.replica({ VAULT_KEYS: `${k2},${k1}` })
  const backend = await createBackend(serving)
  const pending = await user.connected({ as: 'bob@example.com' })
  google.fault('revoke', { status: 503 }, Number.POSITIVE_INFINITY)
  t.match((await user.fetch(`/connections/${pending.id}`, 'DELETE')).json(), { revoked: 'pending' })

  let rotating = true
  const vends: number[] = []
  const serve = async () => {
    while (rotating) {
      clock.advance(1_800_000)
      vends.push((await backend.vend(id, undefined, serving)).statusCode)
    }
  }
  const served = serve()

  const first = runGuichet(environment, 'vault', 'rotate')
  while ((await connections.countDocuments(sealedBy('k2'))) < 60) await new Promise(resolve => setImmediate(resolve))
  first.child.kill('SIGKILL')
  t.equal((await first.ended).code, null)
  const done = await connections.countDocuments(sealedBy('k2'))
  t.ok(done < 400, `${done} were done when it was killed`)
  t.equal(await isWhole(world, `${k2},${k1}`), 399)

  const second = await guichet(environment, 'vault', 'rotate')
  rotating = false
  await served
  t.equal(second.code, 0, second.err)
  t.equal(second.out, '')
  t.match(second.err, /\[#+\.*\] \d+\/\d+/)
  const total = Number(/\/(\d+)/.exec(second.err)?.[1])
  t.ok(total <= 401 - done + 1, `it went on with the ${total} that were left`)
  t.ok(vends.length > 2)
  t.same(
    vends.filter(status => status !== 200),
    []
  )

  t.equal(await connections.countDocuments(sealedBy('k1')), 0)
  t.equal(await isWhole(world, k2), 399, 'the old key opens nothing any more and can go')
  await serving.close()
  await world.app.close()
  google.clearFaults('revoke')
  const alone = await world.replica({ VAULT_KEYS: k2 })
  clock.advance(3_600_000)
  t.equal((await backend.vend(id, undefined, alone)).statusCode, 200)
  await alone.background.run()
  t.same(
    google.ledger.of('refresh_token', { sub: pending.account.sub, alive: true }),
    [],
    'a pending revocation uses the resealed token'
  )
  t.match(await guichet({ ...environment, VAULT_KEYS: k2 }, 'vault', 'rotate'), { code: 0 }, 'nothing is left')
})

t.test('[R56] rotate › envelopes of the earlier version › are read, and sealed again in the current form', async t => {
  const world = await withConnections(t, 3)
  const { connections, clock, id, environment } = world
  const ring = { id: 'k1', key: Buffer.alloc(32, 1) }
  for (const record of await connections.find().toArray()) {
    const sealed = (field: 'accessToken' | 'refreshToken') => {
      const context = { owner: record.userId.toHexString(), record: record._id.toHexString(), field }
      const envelope = record[field]
      return envelope && sealAsBefore(openToken(vaultOf(k1), record, field, envelope), context, ring)
    }
    const earlier = { accessToken: sealed('accessToken'), refreshToken: sealed('refreshToken') ?? '' }
    await connections.updateOne({ _id: record._id }, { $set: earlier })
  }
  const { meta } = collectionsOf(world.app)
  const context = { owner: 'guichet', record: 'vault', field: 'check' }
  const check = async () => (await meta.findOne({ _id: 'vault' }))?.checks?.k1 ?? ''
  const known = vaultOf(k1).open(await check(), context)
  await meta.updateOne({ _id: 'vault' }, { $set: { 'checks.k1': sealAsBefore(known, context, ring) } })
  t.equal(await connections.countDocuments(sealedBy('k1')), 0)
  const { vend } = await createBackend(world.app)
  t.equal((await vend(id)).statusCode, 200)
  t.match(await guichet(environment, 'vault', 'rotate'), { code: 0, err: /3 records are sealed under k1 now/ })
  t.equal(await connections.countDocuments(sealedBy('k1')), 3)
  t.match(await check(), /^v2\.k1\./, 'the value that tells a wrong key too')
  t.equal(vaultOf(k1).open(await check(), context), known)
  t.equal(await isWhole(world, k1), 2)
  clock.advance(3_600_000)
  t.equal((await vend(id)).statusCode, 200)
})

t.test('[R56] rotate › a pending flow › can finish with only the new key', async t => {
  const world = await withConnections(t, 1)
  const { user, app, google } = world
  const callback = await user.authorize('/connect/calendar')
  await rotate(app.database, vaultOf(`${k2},${k1}`), () => {})
  const alone = await world.replica({ VAULT_KEYS: k2 })
  t.match((await user.clone(alone).fetch(callback)).json(), { connection: { service: 'calendar', status: 'active' } })
  t.same(google.violations, [])
})

t.test('[R56][F43] rotate › a record does not open › it stays as it is, and all others are resealed', async t => {
  const world = await withConnections(t, 20)
  const { connections, environment } = world
  const broken = await connections.findOne({ 'account.sub': '40007' })
  await connections.updateOne({ _id: broken?._id ?? new ObjectId() }, { $set: { refreshToken: 'k1.AAAA.AAAA.AAAA' } })
  const { code, err } = await guichet({ ...environment, VAULT_KEYS: `${k2},${k1}` }, 'vault', 'rotate')
  t.equal(code, 1)
  t.match(err, /1 records do not open/)
  t.equal((await connections.findOne({ 'account.sub': '40007' }))?.refreshToken, 'k1.AAAA.AAAA.AAAA')
  t.equal(await connections.countDocuments(sealedBy('k2')), 19)
})

t.test('[R56] rotate › the database fails › stops with that error, and reports no record as broken', async t => {
  const world = await withConnections(t, 5)
  const { connections, app } = world
  const { restore } = t.intercept(connections, 'updateOne', {
    value: () => Promise.reject(new MongoNetworkError('the connection was reset'))
  })
  await t.rejects(
    rotate(app.database, vaultOf(`${k2},${k1}`), () => {}),
    { name: 'MongoNetworkError' }
  )
  restore()
  t.same(await rotate(app.database, vaultOf(`${k2},${k1}`), () => {}), {
    resealed: 5,
    unsealable: 0,
    sealedMeanwhile: 0
  })
})

t.test('[R56] rotate › a replica still seals with the old key › stops, and says so', async t => {
  const world = await withConnections(t, 3)
  const { connections, app } = world
  const old = (await connections.find().toArray()).map(({ _id, refreshToken }) => ({ _id, refreshToken }))
  const update = connections.updateOne.bind(connections)
  const { restore } = t.intercept(connections, 'updateOne', {
    value: async (...args: Parameters<typeof update>) => {
      const result = await update(...args)
      for (const { _id, refreshToken } of old) await update({ _id }, { $set: { refreshToken } })
      return result
    }
  })
  const { sealedMeanwhile, unsealable } = await rotate(app.database, vaultOf(`${k2},${k1}`), () => {})
  restore()
  t.equal(unsealable, 0)
  t.equal(sealedMeanwhile, 3)
})

t.test('[R56] rotate › without the old key, or with a wrong one › refused before anything changes', async t => {
  const world = await withConnections(t, 3)
  const { connections, environment } = world
  const before = await connections.find().toArray()
  const wrong = await guichet({ ...environment, VAULT_KEYS: `${k2},${key('k1', 9)}` }, 'vault', 'rotate')
  t.equal(wrong.code, 1)
  t.match(wrong.err, /unsealable/)
  const without = await guichet({ ...environment, VAULT_KEYS: k2 }, 'vault', 'rotate')
  t.equal(without.code, 1)
  t.match(without.err, /3 records do not open/)
  t.same(await connections.find().toArray(), before)
})

t.test('[F44] changing keys replica by replica › [k1,k2] beside [k2,k1] › each opens what the other seals', async t => {
  const world = await build(t, { environment: { VAULT_KEYS: `${k1},${k2}` } })
  const { app, clock, google } = world
  const next = await world.replica({ VAULT_KEYS: `${k2},${k1}` })
  const user = await world.signedIn()
  const backend = await createBackend(app)
  for (const [from, to] of [
    [app, next],
    [next, app]
  ] as const) {
    // A flow is begun at one and ended at the other, the tokens it seals are used and refreshed by both.
    const callback = await user.clone(from).authorize('/connect/gmail')
    const { connection } = (await user.clone(to).fetch(callback)).json()
    for (const at of [from, to, from, to]) {
      clock.advance(3_600_000)
      t.equal((await backend.vend(connection.id, undefined, at)).statusCode, 200)
      t.equal((await user.clone(at).fetch(`/connections/${connection.id}/gmail/profile`)).statusCode, 200)
    }
    t.match((await user.clone(from).fetch(`/connections/${connection.id}`, 'DELETE')).json(), {
      revoked: 'confirmed'
    })
  }
  t.same(google.violations, [])
})

t.test('[F42] rotated key › the old key is removed too early › 503 and counted, until it is back', async t => {
  const world = await withConnections(t, 1)
  const { id, replica, google, clock } = world
  const tooEarly = await replica({ VAULT_KEYS: k2, METRICS_TOKEN: 'a token for metrics' })
  const backend = await createBackend(tooEarly)
  clock.advance(3_600_000)
  const before = google.requests.length
  isProblem(t, await backend.vend(id, undefined, tooEarly), 503, 'unsealable')
  t.equal(google.requests.length, before)
  const metrics = await tooEarly.inject({ url: '/metrics', headers: { authorization: 'Bearer a token for metrics' } })
  t.match(metrics.body, /guichet_problems_total\{code="unsealable"\} 1/)
  t.equal((await backend.vend(id, undefined, await replica({ VAULT_KEYS: `${k2},${k1}` }))).statusCode, 200)
})

t.test('rotate › during a reconnect without a refresh token › the kept token stays resealed', async t => {
  const { app, user, id, connections, replica, clock } = await withConnections(t, 1)
  const both = await replica({ VAULT_KEYS: `${k2},${k1}` })
  const at = user.clone(both)
  const callback = await at.authorize('/connect/gmail', { withoutRefreshToken: true })
  const mine = collectionsOf(both).connections
  const write = mine.findOneAndUpdate.bind(mine)
  const { restore } = t.intercept(mine, 'findOneAndUpdate', {
    value: async (...args: Parameters<typeof write>) => {
      restore()
      await rotate(both.database, both.vault, () => {})
      return write(...args)
    }
  })
  t.equal((await at.fetch(callback)).statusCode, 200)
  t.equal(await connections.countDocuments(sealedBy('k2')), 1)
  clock.advance(3_600_000)
  const last = await replica({ VAULT_KEYS: k2 })
  t.equal((await (await createBackend(app)).vend(id, {}, last)).statusCode, 200)
})
