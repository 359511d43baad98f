import { setTimeout as delay } from 'node:timers/promises'
import { ObjectId } from 'mongodb'
import { parseKeyRing } from '../src/config/key-ring.ts'
import { openToken } from '../src/connections/record.ts'
import { createVault } from '../src/vault/vault.ts'
import { createFaults, type Faults, type Figure, inLanes, type Task } from './figure.ts'
import type { Answer } from './http-client.ts'
import { createRandom, type Random } from './random.ts'
import type { ServerProcess } from './servers.ts'
import { createVisitor } from './visitor.ts'
import { inWorld, type World } from './world.ts'

const replicas = 4
/** Google's time for a refresh, random each time: all callers arrive meanwhile. */
const googleMs = [20, 250] as const
/** Callers of each grant at each replica when its holder is killed. */
const callersPerGrant = 10
const patienceMs = 90_000

interface Grant {
  id: string
  sub: string
}

/** Everyone asks at the moment a token expires: Google hears of it once. */
export const storm: Figure = {
  name: 'storm',
  title: 'Refresh storm',
  bar: 'exactly 1 upstream refresh a round and one token for everyone; at most 2, and one final token, when the holder of the lease is killed',
  unit: 'rounds',
  full: 50,
  small: 4,
  run: task => inWorld(world => run(world, task))
}

async function run(world: World, { seed, size, small, progress }: Task) {
  const random = createRandom(seed)
  const faults = createFaults()
  const callers = small ? 50 : 500
  // One and the same holder has the leases of all of them when it is killed.
  const grantsPerKill = small ? 4 : 10
  const servers = await Promise.all(Array.from({ length: replicas }, () => world.start({}, callers)))
  const grants: Grant[] = []
  await inLanes(Array(grantsPerKill).keys(), 5, async number => {
    const visitor = createVisitor(world.google, number)
    const [server] = servers as [ServerProcess]
    await visitor.signIn(server)
    grants.push({ sub: visitor.sub, id: await visitor.connect(server) })
  })

  let vends = 0
  let refreshes = 0
  for (let round = 1; round <= size; round++) {
    const came = await oneRound(world, { servers, callers, grant: random.pick(grants), random, faults, round })
    vends += came.vends
    refreshes += came.refreshes
    progress(`round ${round} of ${size}`)
  }
  const kills = small ? 1 : Math.max(1, Math.round(size / 10))
  const held: number[] = []
  for (let kill = 1; kill <= kills; kill++) {
    held.push(...(await killHolder(world, { servers, grants, random, faults })))
    progress(`kill ${kill} of ${kills}`)
  }
  faults.expect(world.google.violations.length === 0, `Google complains: ${world.google.violations[0]}`)
  return {
    lines: [
      `${callers} callers at each of ${replicas} replica processes, ${size} rounds: ${vends} vends, ${refreshes} refreshes at Google, one a round wanted.`,
      `Holder killed with kill -9 ${kills} times, holding ${held.length} leases: ${held.filter(count => count === 1).length} grants were refreshed once, ${held.filter(count => count === 2).length} twice, ${held.filter(count => count > 2).length} more often.`
    ],
    faults: faults.found
  }
}

function vend(world: World, server: ServerProcess, { id }: Grant): Promise<Answer> {
  return server.request(`/v1/connections/${id}/token`, { method: 'POST', headers: world.backend })
}

async function expire(world: World, grants: readonly Grant[]): Promise<void> {
  const ids = grants.map(({ id }) => new ObjectId(id))
  await world.collections.connections.updateMany(
    { _id: { $in: ids } },
    { $set: { accessTokenExpiresAt: new Date(Date.now() - 1000) } }
  )
}

async function oneRound(
  world: World,
  the: { servers: ServerProcess[]; callers: number; grant: Grant; random: Random; faults: Faults; round: number }
) {
  const { servers, callers, grant, random, faults, round } = the
  const { google } = world
  await expire(world, [grant])
  google.fault('token', { delayUntil: () => delay(random.between(...googleMs)) }, { times: Infinity })
  const before = google.calls('token')
  const asked = servers.flatMap(server => Array.from({ length: callers }, () => vend(world, server, grant)))
  const answers = await Promise.all(asked)
  google.clearFaults('token')
  const refreshes = google.calls('token') - before
  const tokens = new Set(answers.map(({ body }) => body.access_token))
  const bad = answers.find(({ status }) => status !== 200)
  faults.expect(refreshes === 1, `round ${round}: ${refreshes} refreshes`)
  faults.expect(!bad, `round ${round}: an answer ${bad?.status} ${bad?.text}`)
  faults.expect(tokens.size === 1, `round ${round}: ${tokens.size} different tokens`)
  const opened = google.ledger.canOpen(String(answers[0]?.body.access_token))
  faults.expect(opened === grant.sub, `round ${round}: the token opens ${opened}, not ${grant.sub}`)
  return { vends: answers.length, refreshes }
}

/** One replica holds the leases of all grants and is killed while Google thinks: how often each was then refreshed. */
async function killHolder(
  world: World,
  the: { servers: ServerProcess[]; grants: Grant[]; random: Random; faults: Faults }
): Promise<number[]> {
  const { servers, grants, random, faults } = the
  const { google } = world
  const [holder] = servers as [ServerProcess]
  await expire(world, grants)
  // Google may or may not have acted for a holder that died before the answer.
  const death = Promise.withResolvers<void>()
  for (let at = 0; at < grants.length; at++) {
    google.fault('token', { delayUntil: death.promise, when: random.pick(['before', 'after']) })
  }
  const before = google.requestsTo('token').length
  const arrived = google.arrival('token', grants.length)
  const first = grants.map(grant => vend(world, holder, grant).catch(() => undefined))
  await arrived
  const crowd = servers.flatMap(server =>
    grants.flatMap(grant =>
      Array.from({ length: callersPerGrant }, () =>
        server === holder ? vend(world, server, grant).catch(() => undefined) : patiently(world, server, grant, faults)
      )
    )
  )
  await delay(random.between(0, 300))
  await holder.kill()
  death.resolve()
  servers[0] = await world.start()
  await Promise.all(first)
  const served = (await Promise.all(crowd)).filter(answer => answer?.status === 200)
  google.clearFaults('token')

  const vault = createVault(parseKeyRing(world.environment.VAULT_KEYS ?? ''))
  const refreshed: number[] = []
  for (const { id, sub } of grants) {
    const record = await world.collections.connections.findOne({ _id: new ObjectId(id), live: true })
    const stored = record?.accessToken && openToken(vault, record, 'accessToken', record.accessToken)
    const tokens = new Set(
      served.map(answer => String(answer?.body.access_token)).filter(token => google.ledger.ownerOf(token) === sub)
    )
    faults.expect(tokens.size === 1, `${sub}: ${tokens.size} tokens were given after the kill`)
    faults.expect(tokens.has(String(stored)), `${sub}: the stored token is not the one that was given`)
    faults.expect(google.ledger.canOpen(String(stored)) === sub, `${sub}: the stored token does not open the account`)
    const calls = google.requestsTo('token').slice(before)
    const count = calls.filter(({ body }) => {
      return google.ledger.ownerOf(new URLSearchParams(body).get('refresh_token') ?? '') === sub
    }).length
    faults.expect(count <= 2, `${sub}: ${count} refreshes around the kill`)
    refreshed.push(count)
  }
  return refreshed
}

/** Asks again whenever the answer is to come back later, as a backend does. */
async function patiently(
  world: World,
  server: ServerProcess,
  grant: Grant,
  faults: Faults
): Promise<Answer | undefined> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const answer = await vend(world, server, grant)
    if (answer.status === 200) return answer
    const seconds = Number(answer.headers['retry-after'])
    if (answer.status !== 503 || !(seconds > 0) || Date.now() > deadline) {
      faults.add(`a waiter was told ${answer.status} ${answer.text}`)
      return undefined
    }
    await delay(seconds * 1000)
  }
}
