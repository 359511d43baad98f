import { createFaults, type Figure, type Task } from './figure.ts'
import { judgeAftermath } from './kill/aftermath.ts'
import { killConnects } from './kill/connects.ts'
import { killDisconnects } from './kill/disconnects.ts'
import { createPool } from './kill/pool.ts'
import { startReceiver } from './kill/receiver.ts'
import { killRefreshes } from './kill/refreshes.ts'
import { killReseals } from './kill/reseals.ts'
import type { Phase, Scene } from './kill/scene.ts'
import { createTruth } from './kill/truth.ts'
import { killDeliveries } from './kill/webhooks.ts'
import { createRandom } from './random.ts'
import { createVisitor } from './visitor.ts'
import { inWorld, type World } from './world.ts'

const spares = 3
const keys = [1, 2].map(number => `k${number}:${Buffer.alloc(32, number).toString('base64')}`)

/** Processes die at random moments; whatever was ever answered stays true. */
export const kill: Figure = {
  name: 'kill',
  title: 'kill -9',
  bar: 'no acknowledged token lost and no false "connected", by the ledger of the Google that issued the tokens joined with the database',
  unit: 'kills in each of exchange, store, refresh, disconnect, re-seal and webhook',
  full: 170,
  small: 2,
  run: task => inWorld(world => run(world, task), { VAULT_KEYS: keys.join(',') })
}

async function run(world: World, { seed, size, small, progress }: Task) {
  const random = createRandom(seed)
  const faults = createFaults()
  const receiver = await startReceiver(random, faults)
  try {
    const start = (number: number) => world.start(receiver.environment(number))
    let visitors = 0
    const scene: Scene = {
      world,
      random,
      faults,
      steady: await start(0),
      pool: createPool(start, small ? 2 : spares),
      receiver,
      truth: createTruth(world),
      people: [],
      kills: new Map(),
      late: 0,
      tally: new Map(),
      newVisitor: () => createVisitor(world.google, visitors++),
      progress
    }
    await killConnects(scene, 'exchange', size)
    await killConnects(scene, 'store', size)
    await killRefreshes(scene, size)
    await killDisconnects(scene, size)
    await killReseals(scene, size)
    await killDeliveries(scene, size)
    progress('all are killed; what is left is judged')
    await world.killAll()
    await judgeAftermath(scene)
    return { lines: describe(scene), faults: faults.found }
  } finally {
    receiver.close()
  }
}

function describe({ kills, late, tally }: Scene): string[] {
  const n = (what: string) => tally.get(what) ?? 0
  const all = [...kills.values()].reduce((sum, number) => sum + number, 0)
  const phases = [...kills].map(([phase, number]: [Phase, number]) => `${number} in ${phase}`).join(', ')
  return [
    `${all + late} processes ended by kill -9: ${phases}, each with work under way; ${late} just after the last answer.`,
    `Connects: ${n('connects acknowledged')} acknowledged, ${n('connects cut before the exchange')} cut before the exchange, ${n('connects cut between exchange and store')} between exchange and store (grants that only Google knows, healed by connecting again), ${n('connects cut between store and answer')} between store and answer.`,
    `Refreshes: ${n('refreshes acknowledged')} acknowledged, ${n('refreshes cut')} cut; of these Google had rotated ${n('rotated unseen')} refresh tokens that died with the process, and each next vend said needs_reconnect.`,
    `Disconnects: ${n('disconnects acknowledged')} acknowledged, ${n('disconnects cut before they took hold')} cut before and ${n('disconnects cut after they took hold')} after they took hold; every grant that went was revoked at Google.`,
    `Events: ${n('events')} committed, all delivered under one id each, ${n('events delivered again')} more than once; none delivered that was not committed.`,
    `In the end ${n('records called connected')} records call themselves connected, each with a token that lives at Google.`
  ]
}
