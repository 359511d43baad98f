import t from 'tap'
import { codeOf, doors, isRefused, ways } from '../flows/doors.ts'
import { build, collectionsOf } from '../helper.ts'
import { type Mutations, nonces, parties, plant, shapes, signatures, timesAndSubject } from './mutated-id-tokens.ts'

const tables: [requirement: string, subject: string, mutations: Mutations][] = [
  ['R9', "a nonce that is not the flow's", nonces],
  ['R10', 'a signature that proves nothing', signatures],
  ['R10', 'what is no token', shapes],
  ['R11', 'another issuer or audience', parties],
  ['R12', 'a wrong time or subject', timesAndSubject]
]

t.test('[R10] id_token › the list holds at least 60 faulty tokens', async t => {
  t.ok(tables.reduce((sum, [, , mutations]) => sum + Object.keys(mutations).length, 0) >= 60)
})

for (const [requirement, subject, mutations] of tables) {
  t.test(`[${requirement}] id_token › ${subject} signs nobody in`, async t => {
    const world = await build(t)
    const { google, app } = world
    await world.browser().authorize('/auth/google')
    for (const [what, mutation] of Object.entries(mutations)) {
      for (const way of ways) {
        t.comment(`${what}, ${way}`)
        const browser = world.browser()
        const callback = await browser.authorize('/auth/google')
        plant(google, mutation)
        isRefused(t, await browser[way](callback), 502, 'google_invalid_response')
        t.equal((await browser.fetch('/auth/session')).statusCode, 401)
        const exchanged = google.calls('token')
        t.equal(codeOf(await browser.fetch(callback)), 'google_invalid_response', 'repeated: the same answer')
        t.equal(google.calls('token'), exchanged, 'and nothing is exchanged again')
      }
    }
    t.equal(await collectionsOf(app).users.countDocuments(), 0, 'no user row')
    t.equal(await collectionsOf(app).sessions.countDocuments({ userId: { $ne: null } }), 0, 'no session of anyone')
    t.equal(google.calls('unknown'), 0, 'a key is fetched from nowhere but the JWKS')
    t.ok(google.calls('jwks') <= 2)

    t.equal(codeOf(await world.browser().signIn()), undefined, 'an honest one signs in')
    t.same(google.violations, [])
  })

  t.test(`[${requirement}] id_token › ${subject} connects nothing`, async t => {
    const world = await build(t)
    const { google, app } = world
    const ada = await world.signedIn()
    const users = await collectionsOf(app).users.find().toArray()
    for (const [what, mutation] of Object.entries(mutations)) {
      for (const way of ways) {
        t.comment(`${what}, ${way}`)
        // The oldest of flows begun in the same millisecond would be undefined.
        world.clock.advance(1)
        const callback = await ada.authorize('/connect/gmail')
        plant(google, mutation)
        isRefused(t, await ada[way](callback), 502, 'google_invalid_response')
      }
    }
    t.equal(await collectionsOf(app).connections.countDocuments(), 0, 'no connection')
    t.same(await collectionsOf(app).users.find().toArray(), users)
    t.equal(google.calls('unknown'), 0)

    t.equal(codeOf(await ada.connect()), undefined, 'an honest one connects')
    t.same(google.violations, [])
  })
}

for (const door of doors) {
  t.test(`[R12][F32] id_token › clocks that differ by less than a minute › accepted: ${door.name}`, async t => {
    const world = await build(t)
    const inSeconds = (seconds: number) => Math.floor(world.clock.nowMs() / 1000) + seconds
    for (const claims of [{ exp: inSeconds(-59) }, { iat: inSeconds(59) }, { nbf: inSeconds(59) }]) {
      const browser = await door.enter(world)
      const callback = await browser.authorize(door.start)
      world.google.nextIdToken({ claims })
      t.equal(codeOf(await browser.fetch(callback)), undefined, JSON.stringify(claims))
      t.ok(await door.isOpen(browser))
    }
    // Google's whole clock two minutes off: behind, its token is only older; ahead, it is refused.
    for (const [off, code] of [
      [-120, undefined],
      [120, 'google_invalid_response']
    ] as const) {
      const browser = await door.enter(world)
      const callback = await browser.authorize(door.start)
      world.google.nextIdToken({ claims: { iat: inSeconds(off), exp: inSeconds(off + 3600) } })
      t.equal(codeOf(await browser.fetch(callback)), code, `${off} s`)
    }
    t.same(world.google.violations, [])
  })

  t.test(
    `[R10] id_token › without a kid › accepted with one published key, refused with two: ${door.name}`,
    async t => {
      const world = await build(t)
      const { google } = world
      const [first, second] = [await door.enter(world), await door.enter(world)]
      const clear = await first.authorize(door.start)
      google.nextIdToken({ header: { kid: undefined } })
      t.equal(codeOf(await first.fetch(clear)), undefined)

      await google.rotateKeys({ keepOld: true })
      const later = second.clone(await world.replica())
      for (const way of ways) {
        const unclear = await later.authorize(door.start)
        google.nextIdToken({ header: { kid: undefined } })
        isRefused(t, await later[way](unclear), 502, 'google_invalid_response')
      }
      t.same(google.violations, [])
    }
  )
}
