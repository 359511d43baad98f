import { startFakeGoogle } from '@guichet/fake-google'
import type { Fault } from '@guichet/fake-google/faults'
import t, { type Test } from 'tap'
import { build, collectionsOf, isProblem, problemOf, type World } from '../helper.ts'
import { startTrap } from './trap.ts'

const doors = [
  { name: 'sign-in', start: '/auth/google', enter: async (world: World) => world.browser() },
  { name: 'connect', start: '/connect/gmail', enter: (world: World) => world.signedIn() }
]

interface Expectation {
  status: number
  code: string
  retryAfter?: number | 'some'
  /** Requests that reach the token endpoint; 1 unless told. */
  received?: number
}

/** Both doors, for fetch and for a navigation: refused, nothing stored, the code not sent twice, and a fresh flow works. */
async function isRefused(
  t: Test,
  world: World,
  faults: readonly Fault[],
  { status, code, retryAfter, received = 1 }: Expectation
): Promise<void> {
  const { app, google } = world
  for (const fault of faults) {
    for (const { name, start, enter } of doors) {
      for (const way of ['fetch', 'navigate'] as const) {
        const comment = `${name}, ${way}: ${JSON.stringify(fault)?.slice(0, 60)}`
        const one = await enter(world)
        const callback = await one.authorize(start)
        const users = await collectionsOf(app).users.countDocuments()
        const calls = google.calls('token')
        google.fault('token', fault, Number.POSITIVE_INFINITY)
        const response = await one[way](callback)
        google.clearFaults()
        t.equal(google.calls('token') - calls, received, `${comment}: sent once`)
        if (way === 'navigate') t.equal(response.headers.location, `/?status=${code}`, comment)
        else {
          t.equal(response.statusCode, status, comment)
          t.equal(problemOf(response).code, code, comment)
          const wait = response.headers['retry-after']
          if (retryAfter === 'some') t.ok(Number(wait) >= 1 && Number(wait) <= 60, `${comment}: ${wait}`)
          else t.equal(wait, retryAfter === undefined ? undefined : String(retryAfter), comment)
        }
        t.equal(await collectionsOf(app).connections.countDocuments(), 0, comment)
        t.equal(await collectionsOf(app).users.countDocuments(), users)
        // Repeated, it is answered as before, and nothing is sent again.
        isProblem(t, await one.fetch(callback), status, code)
        t.equal(google.calls('token') - calls, received)
        if (name === 'sign-in') t.equal((await one.signIn()).statusCode, 200, 'a fresh flow works')
      }
    }
  }
  const ada = await world.signedIn()
  t.equal((await ada.connected()).status, 'active')
}

t.test('[F11] exchange › Google answers with an error › google_unavailable, and nothing is stored', async t => {
  const world = await build(t)
  const faults = [
    { status: 500, body: 'x' },
    { status: 503, body: '<html>' },
    { status: 502 },
    { status: 504, body: { error: 'invalid_grant' } }
  ]
  await isRefused(t, world, faults, { status: 503, code: 'google_unavailable', retryAfter: 'some' })
})

t.test("[F12] exchange › Google's Retry-After is passed on", async t => {
  const world = await build(t)
  const faults = [429, 503].map(status => ({ status, headers: { 'retry-after': '7' }, body: {} }))
  await isRefused(t, world, faults, { status: 503, code: 'google_unavailable', retryAfter: 7 })
})

t.test('[F13] exchange › Google’s host has no address or refuses connections › google_unavailable', async t => {
  const gone = await startFakeGoogle()
  await gone.close()
  const trap = await startTrap(t)
  const world = await build(t)
  const { google, replica, app } = world
  const endpoints = [
    // A name that is no host's, ever (RFC 6761, section 6.4).
    'https://nothing.invalid/token',
    `${gone.issuer}/token`,
    `${gone.issuer.replace('127.0.0.1', 'localhost')}/token`,
    `${trap.url}/token`
  ]
  for (const token_endpoint of endpoints) {
    google.fault('discovery', { mutate: json => ({ ...json, token_endpoint }) })
    const at = await replica()
    for (const { name, start, enter } of doors) {
      for (const way of ['fetch', 'navigate'] as const) {
        const comment = `${name}, ${way}: ${token_endpoint}`
        const entered = await enter(world)
        const users = await collectionsOf(app).users.countDocuments()
        const calls = google.calls('token')
        trap.connections = 0
        const one = entered.clone(at)
        const callback = await one.authorize(start)
        const response = await one[way](callback)
        if (way === 'navigate') t.equal(response.headers.location, '/?status=google_unavailable', comment)
        else {
          isProblem(t, response, 503, 'google_unavailable')
          const wait = Number(response.headers['retry-after'])
          t.ok(wait >= 1 && wait <= 60, `${comment}: ${wait}`)
        }
        const [least, most] = token_endpoint.startsWith(trap.url) ? [1, 2] : [0, 0]
        t.ok(trap.connections >= least && trap.connections <= most, `${comment}: tried ${trap.connections} times`)
        // Repeated, it is answered as before, and nothing is sent again.
        isProblem(t, await one.fetch(callback), 503, 'google_unavailable')
        t.ok(trap.connections <= most, `${comment}: and not again`)
        t.equal(google.calls('token'), calls, 'nor anywhere else')
        t.equal(await collectionsOf(app).users.countDocuments(), users, comment)
        t.equal(await collectionsOf(app).connections.countDocuments(), 0, comment)
      }
    }
  }
})

t.test('[F14] exchange › the connection is lost after the request was sent › it is not sent again', async t => {
  const world = await build(t, { environment: { GOOGLE_TIMEOUT_MS: '1000' } })
  const faults: Fault[] = [
    { reset: true },
    { reset: true, when: 'after' },
    { resetBeforeRead: true },
    { hang: true },
    { hang: true, when: 'after' }
  ]
  await isRefused(t, world, faults, { status: 503, code: 'google_unavailable', retryAfter: 'some' })
})

t.test('[F15] exchange › Google refuses the code › code_invalid, and no retry', async t => {
  const world = await build(t)
  const faults = [{ status: 400, body: { error: 'invalid_grant', error_description: 'Malformed auth code.' } }]
  await isRefused(t, world, faults, { status: 400, code: 'code_invalid' })
})

t.test("[F15] exchange › Google refuses the client › google_misconfigured, and not the code's fault", async t => {
  const world = await build(t)
  const faults = [
    { status: 401, body: { error: 'invalid_client' } },
    { status: 400, body: { error: 'unauthorized_client' } },
    { status: 400, body: { error: 'redirect_uri_mismatch' } }
  ]
  await isRefused(t, world, faults, { status: 503, code: 'google_misconfigured', retryAfter: 'some' })
})

t.test('[F16] exchange › an answer that cannot be used › google_invalid_response', async t => {
  const world = await build(t)
  const faults: Fault[] = [
    { raw: '<html>Sorry</html>' },
    { raw: '' },
    { raw: 'null' },
    { raw: '[]' },
    { raw: '"text"' },
    { raw: body => body.slice(0, -5) },
    { mutate: json => ({ ...json, access_token: 12 }) },
    { mutate: json => ({ ...json, token_type: 'mac' }) },
    { mutate: json => ({ ...json, expires_in: 0 }) },
    { mutate: json => ({ ...json, scope: ['openid'] }) },
    { mutate: json => ({ ...json, id_token: undefined }) },
    { mutate: json => ({ ...json, id_token: 'a.b.c' }) },
    { status: 400, body: '<html>Bad Request</html>' },
    { status: 400, body: { error: 12 } },
    { status: 404, body: {} },
    { redirectTo: 'http://127.0.0.1:9/token' },
    { redirectTo: 'http://127.0.0.1:9/token', redirectStatus: 307 }
  ]
  await isRefused(t, world, faults, { status: 502, code: 'google_invalid_response' })
})

t.test('[F17] exchange › an answer that drips, never ends or unpacks without end › is cut off', async t => {
  const { google, browser, app } = await build(t, { environment: { GOOGLE_TIMEOUT_MS: '500' } })
  const before = process.memoryUsage().rss
  for (const fault of [{ drip: 20 }, { endless: true }, { huge: 100_000_000 }, { gzipBomb: 200_000_000 }] as const) {
    const one = browser()
    const callback = await one.authorize('/auth/google')
    google.fault('token', fault)
    // Without the bounds this would wait for ever.
    const response = await one.fetch(callback)
    t.ok([502, 503].includes(response.statusCode), `${JSON.stringify(fault)}: ${response.body}`)
    t.match(problemOf(response).code, /^google_/)
  }
  t.equal(await collectionsOf(app).users.countDocuments(), 0)
  const grownMb = (process.memoryUsage().rss - before) / 2 ** 20
  t.ok(grownMb < 150, `grown by ${Math.round(grownMb)} MB, the stand-in Google included`)
  t.equal((await browser().signIn()).statusCode, 200)
})
