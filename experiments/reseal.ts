import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { ObjectId } from 'mongodb'
import { parseKeyRing } from '../src/config/key-ring.ts'
import { openToken } from '../src/connections/record.ts'
import { openFlow } from '../src/flows/flows.ts'
import { createVault } from '../src/vault/vault.ts'
import { createFaults, type Faults, type Figure, inLanes, type Task } from './figure.ts'
import { fillVault } from './filler.ts'
import { createRandom, type Random } from './random.ts'
import { findChangedThatOpens, findRepeatedNonce } from './sealings.ts'
import { startProgram } from './servers.ts'
import { createVisitor } from './visitor.ts'
import { inWorld, type World } from './world.ts'

const oldKey = `old:${Buffer.alloc(32, 1).toString('base64')}`
const newKey = `new:${Buffer.alloc(32, 2).toString('base64')}`
const ring = (...keys: string[]) => createVault(parseKeyRing(keys.join(',')))
/** Grants of this many real users are refreshed and vended all the while. */
const usersServed = 10
const servedAtOnce = 2

/** Every record gets a new key while a server runs and the command is killed again and again. */
export const reseal: Figure = {
  name: 'reseal',
  title: 'Crypto',
  bar: 'no nonce comes twice in 100 sealings a record; every changed byte is refused; with `guichet vault rotate` killed between, every record opens with the new key alone',
  unit: 'records',
  full: 100_000,
  small: 1_000,
  run: task => inWorld(world => run(world, task), { VAULT_KEYS: `${newKey},${oldKey}` })
}

async function run(world: World, { seed, size, small, progress }: Task) {
  const random = createRandom(seed)
  const faults = createFaults()
  const before = ring(oldKey)
  const flows = Math.floor(size / 10)
  const plain = await fillVault(world, { vault: before, connections: size - flows, flows, random })
  progress(`${size} records are sealed under the old key`)
  const serving = await serveMeanwhile(world, random, faults)

  let kills = 0
  for (let done = false; !done; ) {
    // The last runs are left alone, so that it ends.
    const left = await countStale(world)
    const killed = await rotateOnce(world, kills < (small ? 2 : 20) ? random : undefined, faults)
    if (killed) kills++
    done = !killed
    progress(`rotating: ${left} records were left, ${killed ? 'killed' : 'ended'}`)
  }
  const served = await serving.stop()
  const unreadable = await countUnreadable(world, plain)
  faults.expect(unreadable === 0, `${unreadable} records do not open with the new key alone`)
  faults.expect((await countStale(world)) === 0, 'records are left under the old key')

  const sealings = size * 100
  const repeated = findRepeatedNonce(sealings, progress)
  faults.expect(repeated === undefined, `after ${repeated} sealings a nonce came again`)
  const { tried, opened } = findChangedThatOpens(small ? 1 : 10, random)
  faults.expect(opened === 0, `${opened} changed envelopes open`)
  return {
    lines: [
      `${size} records (connections and flows) sealed with the new key; the command was killed with kill -9 ${kills} times on the way; ${unreadable} unreadable.`,
      `Meanwhile a server vended ${served} times for ${usersServed} users, their tokens expiring all the while.`,
      `${sealings} sealings in one process: ${repeated === undefined ? 0 : 1} nonces repeated.`,
      `${tried} envelopes with one byte changed to every other value: ${opened} opened.`
    ],
    faults: faults.found
  }
}

const stale = { $regex: '^old\\.' }

async function countStale({ collections: { connections, flows } }: World): Promise<number> {
  const tokens = { $or: [{ refreshToken: stale }, { accessToken: stale }] }
  return (await connections.countDocuments(tokens)) + (await flows.countDocuments({ sealed: stale }))
}

/** Runs the command; given chance, kills it somewhere after it began. True if it was killed before its end. */
async function rotateOnce({ environment }: World, chance: Random | undefined, faults: Faults): Promise<boolean> {
  const command = startProgram(['src/cli.ts', 'vault', 'rotate'], environment)
  const exited = once(command, 'exit')
  let said = ''
  const began = new Promise<void>(resolve => {
    command.stderr?.on('data', chunk => {
      said = `${said}${chunk}`.slice(-2000)
      resolve()
    })
  })
  if (chance) {
    await Promise.race([began, exited])
    await Promise.race([delay(chance.between(0, 1500)), exited])
    command.kill('SIGKILL')
  }
  const [code, signal] = await exited
  faults.expect(code === 0 || signal === 'SIGKILL', `the command ended with ${code}: ${said}`)
  return signal === 'SIGKILL'
}

/** A server that vends and refreshes for real users until it is told to stop. */
async function serveMeanwhile(world: World, random: Random, faults: Faults) {
  const server = await world.start()
  const grants: { id: string; sub: string }[] = []
  await inLanes(Array(usersServed).keys(), 4, async number => {
    const visitor = createVisitor(world.google, number)
    await visitor.signIn(server)
    grants.push({ sub: visitor.sub, id: await visitor.connect(server) })
  })
  let stopped = false
  let served = 0
  async function serve(): Promise<void> {
    while (!stopped) {
      const { id, sub } = random.pick(grants)
      const expired = { $set: { accessTokenExpiresAt: new Date(Date.now() - 1000) } }
      if (random.below(10) === 0) await world.collections.connections.updateOne({ _id: new ObjectId(id) }, expired)
      const asking = { method: 'POST', headers: world.backend } as const
      const { status, body, text } = await server.request(`/v1/connections/${id}/token`, asking)
      const opened = world.google.ledger.canOpen(String(body.access_token))
      faults.expect(status === 200 && opened === sub, `a vend meanwhile answered ${status} ${text}`)
      served++
      await delay(20)
    }
  }
  const lanes = Promise.all(Array.from({ length: servedAtOnce }, serve))
  return {
    async stop(): Promise<number> {
      stopped = true
      await lanes
      return served
    }
  }
}

/** Records that do not open with the new key alone, or hold something else than they did. */
async function countUnreadable({ collections }: World, plain: ReadonlyMap<string, string>): Promise<number> {
  const vault = ring(newKey)
  let readable = 0
  for await (const record of collections.connections.find({ live: true })) {
    const secret = plain.get(record._id.toHexString())
    if (secret === undefined) continue
    const opens =
      attempt(() => openToken(vault, record, 'refreshToken', record.refreshToken)) === secret &&
      attempt(() => openToken(vault, record, 'accessToken', record.accessToken ?? '')) === `ya29.${secret}`
    if (opens) readable++
  }
  for await (const flow of collections.flows.find({ _id: { $regex: '^flow ' } })) {
    if (attempt(() => openFlow(vault, flow, flow.sealed ?? '')) === plain.get(flow._id)) readable++
  }
  return plain.size - readable
}

function attempt(open: () => string): string | undefined {
  try {
    return open()
  } catch {
    return undefined
  }
}
