import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { parseKeyRing } from '../../src/config/key-ring.ts'
import { openFlow } from '../../src/flows/flows.ts'
import { createVault } from '../../src/vault/vault.ts'
import { fillVault } from '../filler.ts'
import { startProgram } from '../servers.ts'
import { createAim, recordKill, type Scene, untilHit } from './scene.ts'

/** Beside the connections, so that there is always enough to do. */
const flows = 500

/** The command that reseals everything dies on its way, there and back between two keys. */
export async function killReseals(scene: Scene, wanted: number): Promise<void> {
  const { world, random, faults, truth } = scene
  const [first = '', second = ''] = (world.environment.VAULT_KEYS ?? '').split(',')
  const vault = createVault(parseKeyRing(`${first},${second}`))
  const secrets = await fillVault(world, { vault, connections: 0, flows, random })
  for (const { id } of scene.people) {
    const record = await truth.findById(id)
    if (record) secrets.set(id, truth.refreshTokenIn(record) ?? '')
  }
  const aim = createAim(random, 200)
  let towards = second

  async function rotate(ring: string, isKilled: boolean): Promise<void> {
    const command = startProgram(['src/cli.ts', 'vault', 'rotate'], { ...world.environment, VAULT_KEYS: ring })
    const exited = once(command, 'exit')
    let said = ''
    const began = new Promise<void>(resolve => {
      command.stderr?.on('data', chunk => {
        said = `${said}${chunk}`.slice(-1000)
        resolve()
      })
    })
    if (isKilled) {
      await Promise.race([began, exited])
      await Promise.race([delay(aim.draw()), exited])
      command.kill('SIGKILL')
    }
    const [code, signal] = await exited
    faults.expect(code === 0 || signal === 'SIGKILL', `re-sealing ended with ${code}: ${said}`)
    if (isKilled) recordKill(scene, 're-seal', signal === 'SIGKILL', aim)
  }

  async function judge(): Promise<void> {
    let read = 0
    for await (const record of world.collections.connections.find({ live: true })) {
      const secret = secrets.get(record._id.toHexString())
      if (secret === undefined) continue
      read++
      const opens = truth.refreshTokenIn(record) === secret
      faults.expect(
        opens && (record.accessToken === null || truth.accessTokenIn(record) !== undefined),
        `${record.account.sub}: re-sealing spoilt it`
      )
    }
    for await (const flow of world.collections.flows.find({ _id: { $regex: '^flow ' } })) {
      read++
      faults.expect(openFlow(vault, flow, flow.sealed ?? '') === secrets.get(flow._id), 're-sealing spoilt a flow')
    }
    faults.expect(read === secrets.size, `re-sealing lost ${secrets.size - read} records`)
  }

  await untilHit(scene, 're-seal', wanted, async () => {
    await rotate(towards === first ? `${first},${second}` : `${second},${first}`, true)
    await judge()
    // Once there, back again.
    const [id] = towards.split(':')
    const left = await world.collections.flows.countDocuments({ sealed: { $regex: `^(?!${id}\\.).` } })
    if (left === 0 || random.below(2) === 0) towards = towards === first ? second : first
  })
  await rotate(`${first},${second}`, false)
  await judge()
  const left = await world.collections.connections.countDocuments({
    refreshToken: { $regex: `^${second.split(':')[0]}\\.` }
  })
  faults.expect(left === 0, `${left} connections were left under the other key`)
  await world.collections.flows.deleteMany({ _id: { $regex: '^flow ' } })
}
