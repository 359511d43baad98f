import type { Fault } from '@guichet/fake-google/faults'
import { ObjectId } from 'mongodb'
import t, { type Test } from 'tap'
import { collectionsOf, enter, isProblem } from '../../helper.ts'

const passing: Fault[] = [{ status: 500 }, { status: 503, body: '<html>' }, { reset: true }, { hang: true }]

async function connected(t: Test) {
  const world = await enter(t, { environment: { GOOGLE_TIMEOUT_MS: '1000' } })
  const ada = await world.signedIn()
  const { id } = await ada.connected()
  const { key } = await world.app.backendKeys.create({
    name: 'b',
    operations: ['tokens:vend'],
    services: null,
    expiresAt: null
  })
  const vend = () =>
    world.app.inject({
      method: 'POST',
      url: `/v1/connections/${id}/token`,
      headers: { authorization: `Bearer ${key}` }
    })
  const stored = () =>
    collectionsOf(world.app).connections.findOne(
      { _id: new ObjectId(id) },
      { projection: { lease: 0, cooldownUntil: 0, outbox: 0 } }
    )
  return { ...world, ada, vend, stored, advanceSeconds: (seconds: number) => world.clock.advance(seconds * 1000) }
}

t.test('[F19] refresh › fails while a token is still valid › served with its true remaining life', async t => {
  for (const fault of passing) {
    const { google, vend, stored, advanceSeconds } = await connected(t)
    const first = (await vend()).json().access_token
    advanceSeconds(3599 - 40)
    const before = await stored()
    google.fault('token', fault, Number.POSITIVE_INFINITY)
    for (let n = 0; n < 3; n++) {
      const response = await vend()
      t.equal(response.statusCode, 200, JSON.stringify(fault))
      t.equal(response.json().access_token, first)
      t.ok(response.json().expires_in <= 40)
    }
    t.same(await stored(), before)
    t.equal(google.calls('token'), 3, 'one try: then a pause')
  }
})

t.test(
  '[F20] refresh › fails with an expired token › 503 and a pause of at most 30 s, and nothing is marked',
  async t => {
    for (const fault of passing) {
      const { google, ada, vend, stored, advanceSeconds } = await connected(t)
      advanceSeconds(3700)
      const before = await stored()
      google.fault('token', fault, Number.POSITIVE_INFINITY)
      const calls = google.calls('token')
      for (let n = 0; n < 5; n++) {
        const response = await vend()
        isProblem(t, response, 503, 'google_unavailable')
        const wait = Number(response.headers['retry-after'])
        t.ok(wait >= 1 && wait <= 30, `${JSON.stringify(fault)}: come back in ${wait} s`)
      }
      t.equal(google.calls('token') - calls, 1, 'Google is asked once in that time')
      t.same(await stored(), before)
      t.match((await ada.fetch('/connections')).json(), { connections: [{ status: 'active' }] })
      google.clearFaults()
      advanceSeconds(31)
      t.equal((await vend()).statusCode, 200, 'and it heals by itself')
      t.equal(google.calls('token') - calls, 2)
    }
  }
)

t.test(
  '[R71] refresh › a refusal that says it is passing › google_unavailable, and no fault of the operator',
  async t => {
    const { google, vend, stored, advanceSeconds } = await connected(t)
    for (const [status, error] of [
      [400, 'temporarily_unavailable'],
      [400, 'server_error'],
      [400, 'internal_failure'],
      [403, 'rate_limit_exceeded']
    ] as const) {
      advanceSeconds(3700)
      const before = await stored()
      google.fault('token', { status, body: { error }, headers: { 'retry-after': '7' } })
      const response = await vend()
      isProblem(t, response, 503, 'google_unavailable')
      t.equal(response.headers['retry-after'], '7', error)
      t.same(await stored(), before)
    }
  }
)
