import { BSON, type Db } from 'mongodb'
import t from 'tap'
import { collectionsOf, enter } from '../helper.ts'

/** Everything that is stored, as the bytes that a stolen disk would show. */
async function dump(db: Db | undefined): Promise<{ bytes: Buffer; collections: string[]; documents: number }> {
  const parts: Buffer[] = []
  const names = (await db?.listCollections().toArray())?.map(({ name }) => name).sort() ?? []
  for (const name of names) {
    for (const document of (await db?.collection(name).find().toArray()) ?? []) {
      parts.push(Buffer.from(BSON.serialize(document)), Buffer.from(JSON.stringify(document)))
    }
  }
  return { bytes: Buffer.concat(parts), collections: names, documents: parts.length / 2 }
}

t.test('[R53] at rest › a dump after 100 connects holds no secret, in any encoding', async t => {
  const { app, google, browser, clock } = await enter(t)
  for (let n = 0; n < 20; n++) {
    google.addUser({ sub: `2000000000000000000${n + 10}`, email: `user${n}@example.com`, name: `User ${n}` })
    const user = browser()
    await user.signIn(`user${n}@example.com`)
    for (const service of ['gmail', 'calendar', 'drive', 'gmail', 'gmail']) {
      await user.connect({ as: `user${n}@example.com` }, `/connect/${service}`)
    }
    // An open flow: its verifier is in the database until it is used.
    await user.fetch('/connect/gmail')
  }
  t.equal(google.requestsTo('token').length, 120)
  // A refreshed and a rotated token, a dead connection, a refused flow, a backend key and its use.
  google.rotateRefreshTokens = true
  clock.advance(3_600_000)
  const ada = browser()
  await ada.signIn('ada@example.com')
  const connection = await ada.connected({ as: 'ada@example.com' })
  const { key } = await app.backendKeys.create({
    name: 'test',
    operations: ['tokens:vend'],
    services: null,
    expiresAt: null
  })
  google.ledger.plant(key)
  clock.advance(3_600_000)
  const url = `/v1/connections/${connection.id}/token`
  t.equal((await app.inject({ method: 'POST', url, headers: { authorization: `Bearer ${key}` } })).statusCode, 200)
  google.revokeGrant('ada@example.com')
  clock.advance(3_600_000)
  t.equal((await app.inject({ method: 'POST', url, headers: { authorization: `Bearer ${key}` } })).statusCode, 409)
  for (const value of ada.cookies.values()) google.ledger.plant(decodeURIComponent(value).split('.')[0] ?? '')

  const { bytes, collections, documents } = await dump(app.mongo.db)
  t.ok(documents > 200, `${documents} documents`)
  for (const name of ['connections', 'flows', 'sessions', 'users', 'backendKeys'])
    t.ok(collections.includes(name), name)
  t.ok(google.ledger.of('refresh_token').length > 100)
  t.ok(google.ledger.of('code_verifier').length > 100)
  t.same(google.ledger.find(bytes), [])

  // The scan must find planted tokens: one of each kind, in places that are easily forgotten.
  for (const kind of ['access_token', 'refresh_token', 'code_verifier', 'id_token'] as const) {
    const { value } = google.ledger.of(kind).at(-1) ?? { value: '' }
    for (const text of [value, Buffer.from(value).toString('base64'), Buffer.from(value).toString('hex')]) {
      await collectionsOf(app).meta.updateOne({ _id: 'planted' }, { $set: { text } as object }, { upsert: true })
      const hits = google.ledger.find((await dump(app.mongo.db)).bytes)
      t.ok(
        hits.some(hit => hit.value === value),
        `a planted ${kind} is found`
      )
    }
  }
})
