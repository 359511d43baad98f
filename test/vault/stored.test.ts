import { ObjectId } from 'mongodb'
import t from 'tap'
import { collectionsOf, enter, isProblem } from '../helper.ts'

const profile = (id: string) => `/connections/${id}/gmail/profile`

t.test('[R54] stored tokens › a flipped byte anywhere › 503 unsealable, and no call to Google', async t => {
  const { app, google, signedIn } = await enter(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const _id = new ObjectId(id)
  const { connections } = collectionsOf(app)
  const { accessToken = '' } = (await connections.findOne({ _id })) ?? {}
  const before = google.requests.length
  const envelope = accessToken ?? ''
  for (let at = 0; at < envelope.length; at++) {
    const flipped = envelope.slice(0, at) + (envelope[at] === 'A' ? 'B' : 'A') + envelope.slice(at + 1)
    await connections.updateOne({ _id }, { $set: { accessToken: flipped } })
    const response = await ada.fetch(profile(id))
    if (response.statusCode === 503 && response.json().code === 'unsealable') continue
    t.fail(`a flip at ${at} answered ${response.statusCode}`)
  }
  isProblem(t, await ada.fetch(profile(id)), 503, 'unsealable')
  t.equal(google.requests.length, before, 'no call to Google')
  await connections.updateOne({ _id }, { $set: { accessToken: envelope } })
  t.equal((await ada.fetch(profile(id))).statusCode, 200, 'the true bytes open again')
})

t.test('[R54] stored tokens › a flipped refresh token is not sent, and does not make the connection dead', async t => {
  const { app, google, signedIn, clock } = await enter(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const _id = new ObjectId(id)
  const { connections } = collectionsOf(app)
  const { refreshToken = '' } = (await connections.findOne({ _id })) ?? {}
  await connections.updateOne({ _id }, { $set: { refreshToken: `${refreshToken.slice(0, -1)}!` } })
  clock.advance(3_600_000)
  const before = google.calls('token')
  isProblem(t, await ada.fetch(profile(id)), 503, 'unsealable')
  t.equal(google.calls('token'), before)
  t.match((await ada.fetch(`/connections/${id}`)).json(), { connection: { status: 'active' } })
  await connections.updateOne({ _id }, { $set: { refreshToken } })
  t.equal((await ada.fetch(profile(id))).statusCode, 200)
})

t.test('[R55] stored tokens › moved to another record or field › do not open', async t => {
  const { app, google, browser } = await enter(t)
  const [ada, bob] = [browser(), browser()]
  await ada.signIn('ada@example.com')
  await bob.signIn('bob@example.com')
  const adas = await ada.connected({ as: 'ada@example.com' })
  const bobs = await bob.connected({ as: 'bob@example.com' })
  const { connections } = collectionsOf(app)
  const [from, to] = [new ObjectId(adas.id), new ObjectId(bobs.id)]
  const stolen = await connections.findOne({ _id: from })
  const own = await connections.findOne({ _id: to })
  const before = google.requests.length
  const moves = {
    'from another user': { accessToken: stolen?.accessToken ?? '' },
    'from the other field': { accessToken: own?.refreshToken ?? '' },
    'the record with both': { accessToken: stolen?.accessToken ?? '', refreshToken: stolen?.refreshToken ?? '' }
  }
  for (const [name, $set] of Object.entries(moves)) {
    await connections.updateOne({ _id: to }, { $set })
    const response = await bob.fetch(profile(bobs.id))
    t.equal(response.json().code, 'unsealable', name)
  }
  t.equal(google.requests.length, before)
  t.equal((await ada.fetch(profile(adas.id))).statusCode, 200, 'the true owner is not touched')
})

t.test('[R55] stored tokens › a refresh token moved to another record or field is not sent to Google', async t => {
  const { app, google, signedIn, clock } = await enter(t)
  const [ada, bob] = [await signedIn('ada@example.com'), await signedIn('bob@example.com')]
  const adas = await ada.connected({ as: 'ada@example.com' })
  const others = await bob.connected({ as: 'ada@example.com' })
  const { id } = await bob.connected({ as: 'bob@example.com' })
  const { connections } = collectionsOf(app)
  const sealed = async (of: string) => {
    const { accessToken, refreshToken = '' } = (await connections.findOne({ _id: new ObjectId(of) })) ?? {}
    return { accessToken: accessToken ?? '', refreshToken }
  }
  const own = await sealed(id)
  const moves = {
    'from another user': (await sealed(adas.id)).refreshToken,
    'from another connection of the same user': (await sealed(others.id)).refreshToken,
    'from the other field': own.accessToken
  }
  // Only once the access token has run out is the refresh token opened at all.
  clock.advance(3_600_000)
  const before = google.requests.length
  for (const [name, refreshToken] of Object.entries(moves)) {
    t.ok(refreshToken && refreshToken !== own.refreshToken, name)
    await connections.updateOne({ _id: new ObjectId(id) }, { $set: { refreshToken } })
    isProblem(t, await bob.fetch(profile(id)), 503, 'unsealable')
    t.equal(google.requests.length, before, name)
  }
  await connections.updateOne({ _id: new ObjectId(id) }, { $set: { refreshToken: own.refreshToken } })
  t.equal((await bob.fetch(profile(id))).statusCode, 200, 'the true one still refreshes')
})

t.test('[R55] stored tokens › a flow cannot be given to another session', async t => {
  const { app, google, browser } = await enter(t)
  const [victim, attacker] = [browser(), browser()]
  const callback = await victim.authorize('/auth/google')
  await attacker.fetch('/auth/google')
  const { flows } = collectionsOf(app)
  const [, theirs] = await flows.find().sort({ createdAt: 1 }).toArray()
  // A writer to the database still cannot use the verifier in it.
  await flows.updateMany({}, { $set: { sessionId: theirs?.sessionId ?? '' }, $unset: { number: '' } })
  const response = await attacker.fetch(callback)
  isProblem(t, response, 503, 'unsealable')
  t.equal(google.calls('token'), 0)
})

t.test('[R59][F43] stored tokens › one record that does not open affects only itself', async t => {
  const { app, google, signedIn } = await enter(t)
  const user = await signedIn()
  const ids: string[] = []
  for (let n = 0; n < 100; n++) {
    const email = `account${n}@example.com`
    google.addUser({ sub: `30000000000000000${n + 100}`, email, name: email })
    ids.push((await user.connected({ as: email })).id)
  }
  await collectionsOf(app).connections.updateOne(
    { _id: new ObjectId(ids[0]) },
    { $set: { accessToken: 'k1.broken', refreshToken: 'k1.broken.too' } }
  )
  const answers = await Promise.all(ids.map(id => user.fetch(profile(id))))
  t.same(
    answers.map(({ statusCode }) => statusCode),
    [503, ...Array(99).fill(200)]
  )
  t.equal(answers[0]?.json().code, 'unsealable')
  t.equal(await collectionsOf(app).connections.countDocuments({ deadReason: { $ne: null } }), 0)
  t.equal(google.calls('revoke'), 0)
  t.same(google.violations, [])
})
