import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createAudit } from '../../src/backend/audit.ts'
import { build, isProblem, type World } from '../helper.ts'
import { createBackend } from './backend.ts'

interface Line {
  audit: string
  time: string
  key: string
  user: string | null
  connection: string
  outcome: string
  requestId: string
}

async function audited(...[t, environment = {}]: [Parameters<typeof build>[0], Record<string, string>?]) {
  const file = join(t.testdir(), 'audit.log')
  const world = await build(t, { environment: { AUDIT_FILE: file, ...environment } })
  const lines = () =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line) as Line)
  return { ...world, lines }
}

async function connected({ signedIn }: World) {
  return (await signedIn()).connected()
}

t.test('[R106] audit › a key in the place of an id › refused, and not in the trail', async t => {
  const { app, lines } = await audited(t)
  const { key, vend } = await createBackend(app)
  isProblem(t, await vend(key), 404, 'not_found')
  t.match(lines(), [{ connection: null, outcome: 'not_found' }])
})

t.test('[R90] audit › vends, refused and not › one line each, before the answer, with no token', async t => {
  const world = await audited(t)
  const { app, google, clock, lines } = world
  const { id, userId } = await connected(world)
  const [one, other] = [await createBackend(app), await createBackend(app, { services: ['drive'] })]

  const outcomes: [string, string, string | null][] = []
  const requestIds: string[] = []
  const vend = async (backend: typeof one, connection: string, outcome: string, user: string | null) => {
    const response = await backend.vend(connection)
    t.equal(response.statusCode < 300 ? 'vended' : response.json().code, outcome)
    if (response.statusCode >= 300) requestIds.push(response.json().requestId)
    outcomes.push([backend.id, outcome, user])
    t.equal(lines().length, outcomes.length, 'it is there when the answer comes')
  }
  await vend(one, id, 'vended', userId)
  await vend(one, id, 'vended', userId)
  clock.advance(3_600_000)
  await vend(one, id, 'vended', userId)
  clock.advance(3_600_000)
  google.fault('token', { status: 500 })
  await vend(one, id, 'google_unavailable', userId)
  clock.advance(60_000)
  google.refuseRefresh('ada@example.com', {})
  google.refuseRefresh(google.user('ada@example.com').sub, {})
  await vend(one, id, 'needs_reconnect', userId)
  await vend(other, id, 'not_found', null)
  await vend(one, '0123456789abcdef01234567', 'not_found', null)

  t.same(
    lines().map(({ key, outcome, user }) => [key, outcome, user]),
    outcomes
  )
  for (const { audit, time, connection, requestId } of lines()) {
    t.equal(audit, 'vend')
    t.equal(new Date(time).toISOString(), time)
    t.match(connection, /^[0-9a-f]{24}$/)
    t.match(requestId, /^[0-9a-f-]{36}$/)
  }
  t.same(
    lines()
      .filter(({ outcome }) => outcome !== 'vended')
      .map(({ requestId }) => requestId),
    requestIds,
    'and found again by the id that the caller was told'
  )
  const written = JSON.stringify(lines())
  t.same(google.ledger.find(written), [])
  t.notOk(written.includes(one.key.slice(-43)))
})

t.test('[R90] audit › 200 vends at once › 200 lines', async t => {
  const world = await audited(t)
  const { id } = await connected(world)
  const { vend } = await createBackend(world.app)
  const answers = await Promise.all(Array.from({ length: 200 }, () => vend(id)))
  const vended = answers.filter(({ statusCode }) => statusCode === 200)
  const lines = world.lines().filter(({ outcome }) => outcome === 'vended')
  t.ok(vended.length > 0)
  t.equal(lines.length, vended.length)
  t.equal(new Set(lines.map(({ requestId }) => requestId)).size, lines.length)
})

for (const [name, file] of [
  ['in a folder that is not there', '/nowhere/audit.log'],
  ['that is a folder', '/tmp']
] as const) {
  t.test(`[R90] audit › a file ${name} › the start fails and names the variable`, async t => {
    t.throws(() => createAudit(file), { name: 'ConfigError', message: /AUDIT_FILE/ })
  })
}

t.test('[R90] audit › a file on a full disk › nothing is vended, everything else works', async t => {
  const world = await build(t, { environment: { AUDIT_FILE: '/dev/full' } })
  const { app, google, clock } = world
  const ada = await world.signedIn()
  const { id } = await ada.connected()
  const { vend, fetch } = await createBackend(app)
  for (let round = 0; round < 3; round++) {
    const response = await vend(id)
    isProblem(t, response, 503, 'audit_unavailable')
    t.match(response.headers['retry-after'], /^\d+$/)
    t.same(google.ledger.find(response.body), [])
    clock.advance(3_600_000)
  }
  t.equal((await fetch(`/v1/connections/${id}`)).statusCode, 200)
  t.equal((await ada.fetch(`/connections/${id}/gmail/messages`)).statusCode, 200)
  t.notMatch(await app.metrics.text(), /outcome="vended"/, 'and none is counted as vended')
})
