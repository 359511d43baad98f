import { setTimeout as delay } from 'node:timers/promises'
import type { Answer } from '../http-client.ts'
import { connectionIdOf, type Visitor } from '../visitor.ts'
import { count, createAim, type Scene, strike, together, untilHit } from './scene.ts'

/** Google takes this long where the kill is to come while it thinks, and no time where it is to come after. */
const thinkingMs = [10, 60] as const

/** Servers die while codes are exchanged, or while the result is stored. */
export async function killConnects(scene: Scene, phase: 'exchange' | 'store', wanted: number): Promise<void> {
  const { world, random, steady, pool } = scene
  const aim = createAim(random, phase === 'exchange' ? 60 : 40)
  await untilHit(scene, phase, wanted, async () => {
    const visitors = Array.from({ length: together }, scene.newVisitor)
    const callbacks = await Promise.all(
      visitors.map(async visitor => {
        await visitor.signIn(steady)
        return visitor.authorize(steady, '/connect/gmail')
      })
    )
    if (phase === 'exchange') {
      const when = random.pick(['before', 'after'] as const)
      world.google.fault('token', { delayUntil: () => delay(random.between(...thinkingMs)), when }, { times: together })
    }
    const victim = await pool.take()
    const begin = world.google.arrival('token')
    const requests = visitors.map((visitor, at) => visitor.fetch(victim, callbacks[at] ?? ''))
    const answers = await strike(scene, phase, { victim, requests, begin, aim })
    world.google.clearFaults('token')
    // Together: one whose process died is known to be over only after two seconds.
    await Promise.all(visitors.map((visitor, at) => judge(scene, visitor, callbacks[at] ?? '', answers[at])))
  })
}

async function judge(scene: Scene, visitor: Visitor, callback: string, answer: Answer | undefined): Promise<void> {
  const { truth, faults, steady } = scene
  const { sub } = visitor
  const record = await truth.find(sub)
  if (answer) {
    faults.expect(answer.status === 200, `a callback answered ${answer.status} ${answer.text}`)
    faults.expect(
      record?._id.toHexString() === connectionIdOf(answer),
      `${sub}: connected was said, and nothing is stored`
    )
    count(scene, 'connects acknowledged')
  } else if (record) count(scene, 'connects cut between store and answer')
  else
    count(scene, truth.wasIssued(sub) ? 'connects cut between exchange and store' : 'connects cut before the exchange')
  if (record) faults.expect(truth.isTrue(record), `${sub}: stored as connected, and its token is not what Google gave`)

  // The browser tries again: harmless, and without a second exchange.
  const again = await visitor.fetch(steady, callback)
  const refused = again.status === 400 && again.body.code === 'flow_used'
  faults.expect(refused || again.status === 200, `a repeated callback answered ${again.status} ${again.text}`)
  const isSame = again.status === 200 && connectionIdOf(again) === record?._id.toHexString()
  faults.expect(!record || refused || isSame, `${sub}: a used callback worked again`)
  const healed =
    again.status === 200 ? connectionIdOf(again) : (record?._id.toHexString() ?? (await visitor.connect(steady)))
  const now = await truth.find(sub)
  faults.expect(now?._id.toHexString() === healed && truth.isTrue(now), `${sub}: connecting again did not heal it`)
  scene.people.push({ visitor, id: healed, state: 'connected', rotatedUnseen: false })
}
