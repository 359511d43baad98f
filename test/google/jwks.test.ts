import t from 'tap'
import { codeOf, doors, isRefused, ways } from '../flows/doors.ts'
import { build, collectionsOf, type World } from '../helper.ts'

t.test('[R14] metadata › names another issuer than the configured one › refused', async t => {
  const { google, replica, browser } = await build(t)
  const { issuer } = google
  for (const named of ['https://evil.example', `${issuer}/`, issuer.toUpperCase(), `${issuer}.evil.example`, '']) {
    const misled = google.fault('discovery', { mutate: metadata => ({ ...metadata, issuer: named }) }, Infinity)
    const ada = browser(await replica())
    isRefused(t, await ada.fetch('/auth/google'), 503, 'google_unavailable')
    isRefused(t, await ada.navigate('/auth/google'), 503, 'google_unavailable')
    t.ok(misled.hits > 0)
    misled.remove()
    t.equal(codeOf(await ada.signIn()), undefined, 'the true one is taken as soon as it comes')
  }
  t.same(google.violations, [])
})

t.test('[R14] metadata › an endpoint without https on another host › refused', async t => {
  const { google, replica, browser } = await build(t)
  for (const endpoint of ['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'revocation_endpoint']) {
    const misled = google.fault(
      'discovery',
      { mutate: metadata => ({ ...metadata, [endpoint]: 'http://evil.example/' }) },
      Infinity
    )
    isRefused(t, await browser(await replica()).fetch('/auth/google'), 503, 'google_unavailable')
    misled.remove()
  }
  t.equal(google.calls('token'), 0)
})

t.test('[R14] keys › twenty sign-ins › metadata and keys are fetched once', async t => {
  const { google, browser } = await build(t)
  for (let count = 0; count < 20; count++) t.equal(codeOf(await browser().signIn()), undefined)
  t.equal(google.calls('discovery'), 1)
  t.equal(google.calls('jwks'), 1)
  t.same(google.violations, [])
})

/** The start fetches the keys without waiting: after a sign-in they are there. */
async function fetchKeys({ browser }: Pick<World, 'browser'>): Promise<void> {
  await browser().signIn()
}

for (const door of doors) {
  t.test(`[R14] keys › a new one › fetched at the next callback that needs it: ${door.name}`, async t => {
    const world = await build(t)
    const { google, clock } = world
    const browsers = [await door.enter(world), await door.enter(world), await door.enter(world)] as const
    await fetchKeys(world)
    t.equal(google.calls('jwks'), 1, 'before the rotation')
    await google.rotateKeys({ keepOld: true })
    t.equal(codeOf(await browsers[0].connect(undefined, door.start)), undefined)
    t.ok(await door.isOpen(browsers[0]))
    t.equal(google.calls('jwks'), 2)

    clock.advance(61_000)
    await google.rotateKeys()
    t.equal(codeOf(await browsers[1].connect(undefined, door.start)), undefined, 'and again')
    t.equal(codeOf(await browsers[2].connect(undefined, door.start)), undefined)
    t.equal(google.calls('jwks'), 3)
    t.same(google.violations, [])
  })

  t.test(`[R14] keys › cannot be fetched › known ones are used: ${door.name}`, async t => {
    const world = await build(t)
    const { google, clock } = world
    const browsers = [await door.enter(world), await door.enter(world)] as const
    await fetchKeys(world)
    google.fault('jwks', { status: 500 }, Infinity)
    t.equal(codeOf(await browsers[0].connect(undefined, door.start)), undefined)
    clock.advance(3_600_000)
    t.equal(codeOf(await browsers[1].connect(undefined, door.start)), undefined, 'an hour later, too')
    for (const browser of browsers) t.ok(await door.isOpen(browser))
    t.same(google.violations, [])
  })
}

t.test('[R14] keys › twenty callbacks at once after a rotation › one fetch, and all succeed', async t => {
  const { google, browser } = await build(t)
  await fetchKeys({ browser })
  const flows = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const one = browser()
      return { one, callback: await one.authorize('/auth/google') }
    })
  )
  await google.rotateKeys()
  const codes = await Promise.all(flows.map(async ({ one, callback }) => codeOf(await one.fetch(callback))))
  t.same(codes, Array(20).fill(undefined))
  t.equal(google.calls('jwks'), 2)
})

t.test('[R14] keys › none can be fetched › google_unavailable, and nobody is signed in', async t => {
  const { google, replica, browser, app } = await build(t)
  google.fault('jwks', { status: 500 }, Infinity)
  const cold = await replica()
  for (const way of ways) {
    const ada = browser(cold)
    const callback = await ada.authorize('/auth/google')
    const answer = await ada[way](callback)
    isRefused(t, answer, 503, 'google_unavailable')
    if (way === 'fetch') t.ok(Number(answer.headers['retry-after']) > 0)
    t.equal((await ada.fetch('/auth/session')).statusCode, 401)
  }
  t.equal(await collectionsOf(app).users.countDocuments(), 0)
  google.clearFaults('jwks')
  t.equal(codeOf(await browser(cold).signIn()), undefined, 'with keys it goes on')
  t.same(google.violations, [])
})

t.test('[R14] keys › an answer that is not a key set › as if there were no keys', async t => {
  const { google, replica, browser } = await build(t)
  for (const body of ['<html>', '{}', '{"keys":1}', '[]', '']) {
    const spoilt = google.fault('jwks', { raw: body }, Infinity)
    const callback = browser(await replica())
    isRefused(t, await callback.signIn(), 503, 'google_unavailable')
    spoilt.remove()
  }
})

t.test('[R14] keys › a flood of unknown kids › two fetches a minute at most', async t => {
  const { google, app, browser, clock } = await build(t)
  const { verify } = app.google.idTokens
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const flood = (count: number) =>
    Promise.allSettled(
      Array.from({ length: count }, (_, kid) => verify(`${encode({ alg: 'RS256', kid: `kid-${kid}` })}.e30.AAAA`, 'n'))
    )

  const answers = [...(await flood(500)), ...(await flood(500))]
  t.ok(answers.every(({ status }) => status === 'rejected'))
  t.ok(google.calls('jwks') <= 2, `${google.calls('jwks')} fetches, the one at boot among them`)

  for (let minute = 1; minute <= 3; minute++) {
    clock.advance(60_000)
    const before = google.calls('jwks')
    await flood(100)
    t.ok(google.calls('jwks') - before <= 2)
  }
  // The same from outside: each token cost its sender a flow.
  const before = google.calls('jwks')
  for (let count = 0; count < 10; count++) {
    google.nextIdToken({ header: { kid: `kid-${count}` } })
    isRefused(t, await browser().signIn(), 502, 'google_invalid_response')
  }
  t.equal(google.calls('jwks'), before)
  t.equal(codeOf(await browser().signIn()), undefined, 'who has a right one signs in')
  t.same(google.violations, [])
})

t.test('[R14] keys › a flood while they cannot be fetched › two fetches a minute at most', async t => {
  const { google, app, browser, clock } = await build(t)
  await fetchKeys({ browser })
  google.fault('jwks', { status: 500 }, Infinity)
  clock.advance(3_600_000)
  const before = google.calls('jwks')
  for (let count = 0; count < 20; count++) t.equal(codeOf(await browser().signIn()), undefined)
  const header = Buffer.from('{"alg":"RS256","kid":"unknown"}').toString('base64url')
  for (let count = 0; count < 100; count++) await t.rejects(app.google.idTokens.verify(`${header}.e30.AAAA`, 'n'))
  t.ok(google.calls('jwks') - before <= 2, `${google.calls('jwks') - before} fetches`)
})
