import { setTimeout as delay } from 'node:timers/promises'
import { ObjectId } from 'mongodb'
import { createFaults, type Figure, inLanes, type Task } from './figure.ts'
import { createRandom } from './random.ts'
import { createVisitor } from './visitor.ts'
import { inWorld, type World } from './world.ts'

const replicas = 2
const atOnce = 128
/** A token of someone expires this often, so that refreshes run in the middle of it all. */
const vendsPerExpiry = 500
const googleMs = [0, 50] as const

/** Many users, many tokens, all at once: nobody gets another user's. */
export const isolation: Figure = {
  name: 'isolation',
  title: 'Isolation',
  bar: 'no vend hands out a token of another user, by the ledger of the Google that issued it',
  unit: 'vends',
  full: 1_000_000,
  small: 5_000,
  run: task => inWorld(world => run(world, task))
}

async function run(world: World, { seed, size, small, progress }: Task) {
  const { google, collections, backend } = world
  const random = createRandom(seed)
  const faults = createFaults()
  const servers = await Promise.all(Array.from({ length: replicas }, () => world.start({}, atOnce)))
  const grants: { id: string; sub: string }[] = []
  await inLanes(Array(small ? 40 : 200).keys(), 8, async number => {
    const visitor = createVisitor(google, number)
    const server = random.pick(servers)
    await visitor.signIn(server)
    grants.push({ sub: visitor.sub, id: await visitor.connect(server) })
  })
  const before = google.calls('token')
  google.fault('token', { delayUntil: () => delay(random.between(...googleMs)) }, { times: Infinity })

  const tokensOf = new Map(grants.map(({ sub }) => [sub, new Set<string>()]))
  let crossed = 0
  async function vend(number: number): Promise<void> {
    const { id, sub } = random.pick(grants)
    if (number % vendsPerExpiry === 0) {
      const expired = { $set: { accessTokenExpiresAt: new Date(Date.now() - 1000) } }
      await collections.connections.updateOne({ _id: new ObjectId(id) }, expired)
    }
    const path = `/v1/connections/${id}/token`
    const { status, body, text } = await random.pick(servers).request(path, { method: 'POST', headers: backend })
    const token = String(body.access_token)
    if (status !== 200) faults.add(`a vend answered ${status} ${text}`)
    else if (google.ledger.ownerOf(token) !== sub) {
      crossed++
      faults.add(`${sub} was given a token of ${google.ledger.ownerOf(token)}`)
    } else tokensOf.get(sub)?.add(token)
    if (number % 20_000 === 0) progress(`${number} vends`)
  }
  await inLanes(
    (function* count() {
      for (let number = 1; number <= size; number++) yield number
    })(),
    atOnce,
    vend
  )

  const tokens = [...tokensOf.values()].reduce((sum, { size }) => sum + size, 0)
  faults.expect(google.violations.length === 0, `Google complains: ${google.violations[0]}`)
  return {
    lines: [
      `${size} vends over ${grants.length} users and ${replicas} replica processes, ${atOnce} at a time: ${crossed} crossed.`,
      `${tokens} different tokens were given out; ${google.calls('token') - before} refreshes ran meanwhile.`
    ],
    faults: faults.found
  }
}
