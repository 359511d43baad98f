import { ObjectId } from 'mongodb'
import t from 'tap'
import { createBackend } from '../../backend/backend.ts'
import { collectionsOf, enter, isProblem } from '../../helper.ts'
import { guichet } from '../../process.ts'

const lifetime = 3_600_000
const key = (id: string, byte: number) => `${id}:${Buffer.alloc(32, byte).toString('base64')}`
const [k1, k2] = [key('k1', 1), key('k2', 2)]

/** Fields that a later version may have put into a connection. */
const unknown = { quota: { perDay: 250, usedAt: new Date('2026-11-22T00:00:00Z') }, labels: ['a', null], note: '' }

t.test('[F44] fields of a later version › refresh, reconnect and resealing › leave them unchanged', async t => {
  const world = await enter(t, { environment: { VAULT_KEYS: k1 } })
  const { app, google, clock, environment, signedIn } = world
  const { connections } = collectionsOf(app)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const _id = new ObjectId(id)
  const backend = await createBackend(app)
  await connections.updateOne({ _id }, { $set: unknown as object })
  const stored = async () => (await connections.findOne({ _id })) ?? { version: 0, refreshToken: '' }
  let version = (await stored()).version
  const isThere = async (after: string) => {
    const record: Record<string, unknown> = await stored()
    t.same(Object.fromEntries(Object.keys(unknown).map(name => [name, record[name]])), unknown, after)
  }
  const isKept = async (after: string) => {
    await isThere(after)
    const written = (await stored()).version
    t.ok(written > version, `${after}: it was written`)
    version = written
  }

  clock.advance(lifetime)
  t.equal((await backend.vend(id)).statusCode, 200)
  await isKept('a refresh')
  google.rotateRefreshTokens = true
  clock.advance(lifetime)
  t.equal((await backend.vend(id)).statusCode, 200)
  await isKept('a refresh that rotates')
  google.fault('token', { status: 503 })
  clock.advance(lifetime)
  t.equal((await backend.vend(id)).statusCode, 503)
  await isThere('a refresh that fails')
  clock.advance(120_000)
  t.equal((await ada.connected()).id, id)
  await isKept('a reconnect')
  google.revokeGrant('ada@example.com')
  clock.advance(lifetime)
  t.equal((await backend.vend(id)).statusCode, 409)
  await isKept('the end of its grant')
  const repaired = await ada.connect({}, `/connect/gmail?connectionId=${id}`)
  t.equal(repaired.json().connection.id, id)
  await isKept('a repair')

  const { code, err } = await guichet({ ...environment, VAULT_KEYS: `${k2},${k1}` }, 'vault', 'rotate')
  t.equal(code, 0, err)
  t.match((await stored()).refreshToken, /^v2\.k2\./)
  await isThere('sealing anew')
  const next = await world.replica({ VAULT_KEYS: k2 })
  clock.advance(lifetime)
  t.equal((await backend.vend(id, undefined, next)).statusCode, 200)
  await isKept('a refresh under the new key')

  // Fields that this version does not know are not shown.
  for (const view of [
    (await backend.fetch(`/v1/connections/${id}`, 'GET', undefined, next)).json().connection,
    (await ada.clone(next).fetch(`/connections/${id}`)).json().connection
  ]) {
    t.equal(view.id, id)
    t.same(
      Object.keys(unknown).filter(name => name in view),
      []
    )
  }
  t.match((await ada.clone(next).fetch(`/connections/${id}`, 'DELETE')).json(), { revoked: 'confirmed' })
  t.same(google.violations, [])
})

const later = ['warnedOf', 'cooldownUntil', 'lease', 'lastRefreshedAt', 'outbox'] as const

t.test(
  '[F44] a record of the version before › without later fields › vended, refreshed, warned of, repaired and disconnected',
  async t => {
    const world = await enter(t, { environment: { VAULT_KEYS: k1 } })
    const { app, google, clock, environment, replica, signedIn } = world
    const { connections } = collectionsOf(app)
    const ada = await signedIn()
    const backend = await createBackend(app)
    /** As an older version left it: without what came later, and with its events told. */
    const connectedBefore = async () => {
      const { id } = await ada.connected()
      await app.background.run()
      const $unset = Object.fromEntries(later.map(name => [name, '']))
      await connections.updateOne({ _id: new ObjectId(id) }, { $unset } as object)
      const record = (await connections.findOne({ _id: new ObjectId(id) })) ?? {}
      t.same(
        later.filter(name => name in record),
        []
      )
      return id
    }
    const told = async () => {
      await app.background.run()
      return (await app.events.after(0, 100)).map(({ type }) => type).at(-1)
    }

    const id = await connectedBefore()
    for (const response of [await backend.fetch(`/v1/connections/${id}`), await ada.fetch(`/connections/${id}`)])
      t.match(response.json(), { connection: { id, status: 'active' } })
    t.match((await backend.fetch('/v1/connections')).json(), { connections: [{ id, status: 'active' }] })
    t.match((await ada.fetch('/connections')).json(), { connections: [{ id }] })
    t.equal((await backend.vend(id)).statusCode, 200)
    t.equal(google.calls('token'), 2, 'as it is')
    clock.advance(lifetime)
    const other = await replica()
    const { release } = google.fault('token', { hang: true })
    const arrived = google.arrival('token')
    const holding = backend.vend(id)
    await arrived
    // A caller that waits for another's refresh also checks for a cooldown, by reads of the same database.
    const waiting = backend.vend(id, undefined, other)
    for (let read = 0; read < 10; read++) await collectionsOf(other).connections.findOne({})
    release()
    t.match(await Promise.all([holding, waiting]), [{ statusCode: 200 }, { statusCode: 200 }])
    t.equal(google.calls('token'), 3, 'refreshed')
    t.match((await ada.fetch(`/connections/${id}`)).json(), { connection: { lastRefreshedAt: String } })

    t.equal(await connectedBefore(), id)
    google.fault('token', { mutate: answer => ({ ...answer, refresh_token_expires_in: 604_800 }) })
    clock.advance(lifetime)
    t.equal((await backend.vend(id)).statusCode, 200)
    t.match((await ada.fetch(`/connections/${id}`)).json(), { connection: { refreshTokenExpiresAt: String } })

    t.equal(await connectedBefore(), id, 'reconnected')
    const refreshTokenExpiresAt = new Date(clock.nowMs() + lifetime)
    await connections.updateOne({ _id: new ObjectId(id) }, { $set: { refreshTokenExpiresAt } })
    // The first round notes the warning, the second brings it into the list.
    await app.background.run()
    t.equal(await told(), 'connection.expiring')

    t.equal(await connectedBefore(), id)
    google.revokeGrant('ada@example.com')
    clock.advance(lifetime)
    t.equal((await backend.vend(id)).statusCode, 409)
    t.equal(await told(), 'connection.needs_reconnect')
    await ada.connect({}, `/connect/gmail?connectionId=${id}`)
    t.equal(await told(), 'connection.recovered')

    t.equal(await connectedBefore(), id)
    const rotated = await guichet({ ...environment, VAULT_KEYS: `${k2},${k1}` }, 'vault', 'rotate')
    t.equal(rotated.code, 0, rotated.err)
    t.match((await connections.findOne({ _id: new ObjectId(id) }))?.refreshToken, /^v2\.k2\./)
    t.equal((await guichet({ ...environment, VAULT_KEYS: `${k1},${k2}` }, 'vault', 'rotate')).code, 0)
    t.match((await ada.fetch(`/connections/${id}`, 'DELETE')).json(), { id, revoked: 'confirmed' })
    t.equal(await told(), 'connection.disconnected')
    t.equal(await connections.countDocuments(), 0, 'and nothing is left of it')
    t.same(google.ledger.of('refresh_token', { alive: true }), [])
    t.same(google.violations, [])
  }
)

t.test('[R109] sessions and flows written by the version before › are read and finished', async t => {
  const { app, signedIn, google } = await enter(t)
  const ada = await signedIn()
  const { sessions, flows } = collectionsOf(app)
  const [row] = await sessions.find({ userId: { $ne: null } }).toArray()
  const [earlier] = [row?.earlier ?? []].flat()
  t.match(earlier, /./)
  // It held one earlier session, as a text, and noted nothing of a flow's end.
  await sessions.updateMany({ userId: { $ne: null } }, { $set: { earlier: earlier ?? null } })
  t.equal((await ada.fetch('/auth/session')).statusCode, 200)
  const callback = await ada.authorize('/connect/gmail')
  t.equal((await ada.fetch(callback)).statusCode, 200)
  await flows.updateMany({}, { $unset: { code: '', outcome: '' } })
  isProblem(t, await ada.fetch(callback), 400, 'flow_used')
  await ada.signIn()
  t.equal((await ada.fetch('/auth/user', 'DELETE')).statusCode, 204)
  t.same(google.violations, [])
})
