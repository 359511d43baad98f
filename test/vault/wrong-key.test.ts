import { startEmbeddedMongo } from '@guichet/embedded-mongo'
import t from 'tap'
import { createServer } from '../../src/app.ts'
import { parseConfig } from '../../src/config/config.ts'
import { parseKeyRing } from '../../src/config/key-ring.ts'
import { hasCode } from '../../src/errors.ts'
import { checkKeys } from '../../src/vault/check.ts'
import { createVault } from '../../src/vault/vault.ts'
import { createLog, startMortalDatabase } from '../database/database.ts'
import { build, collectionsOf, isProblem } from '../helper.ts'
import { snapshot } from './snapshot.ts'

const key = (id: string, byte: number) => `${id}:${Buffer.alloc(32, byte).toString('base64')}`

/** A world over a stand-in whose whole data the test can compare. */
async function buildOverStandIn(t: Parameters<typeof build>[0]) {
  const mongo = await startEmbeddedMongo()
  t.teardown(() => mongo.close())
  const world = await build(t, { environment: { MONGODB_URI: mongo.uri, VAULT_KEYS: key('k1', 1) } })
  const ada = await world.signedIn()
  const { id } = await ada.connected()
  return { ...world, ada, url: `/connections/${id}/gmail/profile`, stored: () => snapshot(mongo.data) }
}

t.test('[R58][F41] wrong key › the start fails, nothing changes, and the right key works afterwards', async t => {
  const { ada, app, google, replica, stored, url } = await buildOverStandIn(t)
  await app.background.run()
  const before = stored()
  t.ok(before.length > 5)
  const wrong = await replica({ VAULT_KEYS: key('k1', 2) }).catch((error: unknown) => error)
  t.ok(hasCode(wrong, 'unsealable'))
  t.same(stored(), before)
  t.equal(google.calls('revoke'), 0)
  const right = await replica()
  t.equal((await ada.clone(right).fetch(url)).statusCode, 200)
})

t.test('[R58][F41] wrong key › noticed only when the database is back › no work is done meanwhile', async t => {
  const database = await startMortalDatabase(t)
  const world = await build(t, { environment: { MONGODB_URI: database.uri, VAULT_KEYS: key('k1', 1) } })
  const { app, google, clock, environment, signedIn } = world
  const ada = await signedIn()
  const { id } = await ada.connected()
  google.fault('revoke', { status: 503 }, Number.POSITIVE_INFINITY)
  t.match((await ada.fetch(`/connections/${id}`, 'DELETE')).json(), { revoked: 'pending' })
  await collectionsOf(app).connections.updateOne({}, { $set: { 'pendingRevocation.nextAttemptAt': new Date(0) } })
  await app.close()
  await database.stop()
  const before = snapshot(database.data)

  const log = createLog()
  const wrong = await createServer({ ...parseConfig({ ...environment, VAULT_KEYS: key('k1', 2) }), clock }, log)
  t.teardown(() => wrong.close())
  await wrong.ready()
  let refused = log.line('not_ready')
  await database.start()
  while (((await refused) as { err?: { code?: string } }).err?.code !== 'unsealable') refused = log.line('not_ready')
  wrong.background.soon()
  // It checks repeatedly: enough time for its work, if it did any.
  for (let look = 0; look < 2; look++) await log.line('not_ready')
  isProblem(t, await wrong.inject('/readyz'), 503, 'unsealable')
  t.same(snapshot(database.data), before, 'the pending revocation is left to a process that can open its token')
})

t.test('[R58] wrong key › at any place in the ring › it is detected', async t => {
  const { replica } = await buildOverStandIn(t)
  for (const VAULT_KEYS of [`${key('k2', 2)},${key('k1', 3)}`, `${key('k1', 3)},${key('k2', 2)}`]) {
    t.ok(hasCode(await replica({ VAULT_KEYS }).catch((error: unknown) => error), 'unsealable'))
  }
  const rotated = await replica({ VAULT_KEYS: `${key('k2', 2)},${key('k1', 1)}` })
  t.equal((await rotated.inject('/readyz')).statusCode, 200)
  t.ok(hasCode(await replica({ VAULT_KEYS: key('k2', 4) }).catch((error: unknown) => error), 'unsealable'))
})

t.test('[F42] rotated key › tokens open with the old key, and are kept until it is back', async t => {
  const { ada, google, replica, url } = await buildOverStandIn(t)
  const both = await replica({ VAULT_KEYS: `${key('k2', 2)},${key('k1', 1)}` })
  t.equal((await ada.clone(both).fetch(url)).statusCode, 200)
  const tooEarly = await replica({ VAULT_KEYS: key('k2', 2) })
  isProblem(t, await ada.clone(tooEarly).fetch(url), 503, 'unsealable')
  t.match((await ada.clone(tooEarly).fetch('/connections')).json(), { connections: [{ status: 'active' }] })
  t.equal(google.requestsTo('gmail').length, 1)
  t.equal(google.requestsTo('revoke').length, 0)
  const restored = await replica({ VAULT_KEYS: `${key('k2', 2)},${key('k1', 1)}` })
  t.equal((await ada.clone(restored).fetch(url)).statusCode, 200)
})

t.test('[R58] check value › several processes start first at the same time › all accept it', async t => {
  const { app } = await build(t)
  const ring = parseKeyRing(key('k1', 1))
  await collectionsOf(app).meta.deleteMany({})
  await Promise.all([1, 2, 3].map(() => checkKeys(createVault(ring), ring, collectionsOf(app).meta)))
  t.equal(await collectionsOf(app).meta.countDocuments(), 1)
  const other = parseKeyRing(key('k1', 2))
  await t.rejects(checkKeys(createVault(other), other, collectionsOf(app).meta), { code: 'unsealable' })
})
