import t from 'tap'
import { build, collectionsOf, isProblem } from '../helper.ts'

const always = Number.POSITIVE_INFINITY

t.test(
  '[F18] boot › endpoints and keys are fetched once each, before the first request',
  { timeout: 30_000 },
  async t => {
    const { google, browser } = await build(t)
    // The start does not wait for the keys, and fetches them without any request.
    while (google.calls('jwks') === 0) await google.arrival('jwks')
    t.same([google.calls('discovery'), google.calls('jwks')], [1, 1])
    google.fault('discovery', { status: 500 }, always)
    google.fault('jwks', { status: 500 }, always)
    t.equal((await browser().signIn()).statusCode, 200, 'the first sign-in needs neither')
    t.same([google.calls('discovery'), google.calls('jwks')], [1, 1])
  }
)

t.test('[F18] signing keys › known already, and Google stops serving them › sign-in goes on', async t => {
  const { google, browser, clock } = await build(t)
  t.equal((await browser().signIn()).statusCode, 200)
  for (const fault of [{ status: 500 }, { reset: true }, { raw: '<html>' }] as const) {
    // Old enough to be asked for again.
    clock.advance(3_600_000)
    const asked = google.fault('jwks', fault, always)
    t.equal((await browser().signIn()).statusCode, 200)
    t.ok(asked.hits > 0)
    google.clearFaults()
  }
})

t.test('[F18] signing keys › could never be fetched › nobody is signed in, and a new flow works later', async t => {
  const { google, app, browser, replica } = await build(t)
  for (const fault of [{ status: 503 }, { reset: true }] as const) {
    google.fault('jwks', fault, always)
    const one = browser(await replica())
    const callback = await one.authorize('/auth/google')
    const exchanges = google.calls('token')
    const response = await one.fetch(callback)
    isProblem(t, response, 503, 'google_unavailable')
    t.ok(response.headers['retry-after'])
    t.equal(google.calls('token'), exchanges + 1)
    isProblem(t, await one.fetch('/auth/session'), 401, 'unauthenticated')
    t.equal(await collectionsOf(app).users.countDocuments(), 0)
    isProblem(t, await one.fetch(callback), 503, 'google_unavailable')
    t.equal(google.calls('token'), exchanges + 1, 'and nothing is exchanged again')
    google.clearFaults()
  }
})

t.test('[F18] discovery › never answers › starts and callbacks are 503, and no state is used', async t => {
  const { google, browser, replica } = await build(t)
  for (const fault of [
    { status: 500 },
    { reset: true },
    { raw: '<html>' },
    { mutate: (json: object) => ({ ...json, issuer: 'https://evil.example' }) }
  ] as const) {
    google.fault('discovery', fault, always)
    const cold = await replica()
    t.equal((await cold.inject('/readyz')).statusCode, 200, 'what needs no Google is served')
    const ada = browser()
    const callback = await ada.authorize('/auth/google')
    const exchanges = google.calls('token')
    const elsewhere = ada.clone(cold)
    for (const url of ['/auth/google', callback]) {
      const response = await elsewhere.fetch(url)
      isProblem(t, response, 503, 'google_unavailable')
      const wait = Number(response.headers['retry-after'])
      t.ok(wait >= 1 && wait <= 60, `${url.split('?')[0]}: come back in ${wait} s`)
    }
    t.equal((await elsewhere.navigate(callback)).headers.location, '/?status=google_unavailable')
    t.equal(google.calls('token'), exchanges)
    google.clearFaults()
    t.equal((await elsewhere.fetch(callback)).statusCode, 200, 'the same URL works once it answers')
    t.equal(google.calls('token'), exchanges + 1)
  }
})

t.test('[F18] discovery › has answered once › is not asked again, even if it fails later', async t => {
  const { google, browser } = await build(t)
  await browser().signIn()
  const asked = google.calls('discovery')
  google.fault('discovery', { status: 500 }, always)
  for (let n = 0; n < 3; n++) t.equal((await browser().signIn()).statusCode, 200)
  t.equal(google.calls('discovery'), asked)
  t.equal(asked, 1)
})

t.test('[F18] discovery › hangs at boot › only requests that need it wait', async t => {
  const { google, browser, replica } = await build(t)
  const hanging = google.fault('discovery', { hang: true }, always)
  // Longer than Fastify waits for a plugin: the boot must not wait for it.
  const cold = await replica({ GOOGLE_TIMEOUT_MS: '15000' })
  t.equal((await cold.inject('/readyz')).statusCode, 200)
  hanging.remove()
  hanging.release()
  t.equal((await browser(cold).signIn()).statusCode, 200)
})
