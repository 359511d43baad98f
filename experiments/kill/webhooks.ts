import { setTimeout as delay } from 'node:timers/promises'
import { createAim, recordKill, type Scene, untilHit } from './scene.ts'

const eventsAtOnce = 4
/** Deliveries start within a second of their event. */
const patienceMs = 3_000

/** Servers die while they deliver events. */
export async function killDeliveries(scene: Scene, wanted: number): Promise<void> {
  const { random, receiver, pool, steady, faults } = scene
  const aim = createAim(random, 50)
  const people = scene.people.filter(({ state, rotatedUnseen }) => state === 'connected' && !rotatedUnseen)
  await untilHit(scene, 'webhook', wanted, async () => {
    const next = receiver.arrival()
    for (let number = 0; number < eventsAtOnce; number++) {
      const { visitor, id } = random.pick(people)
      const again = await visitor.connect(steady)
      faults.expect(again === id, `${visitor.sub}: connecting again made another connection`)
    }
    const number = await Promise.race([next, delay(patienceMs)])
    const victim = number === undefined ? undefined : pool.takeNumber(number)
    // Delivered by the server that is never killed, or not delivered yet.
    if (!victim) return
    await delay(aim.draw())
    await pool.kill(victim)
    const owner = await scene.world.collections.events.countDocuments({
      deliveredAt: null,
      'delivery.owner': { $ne: null }
    })
    recordKill(scene, 'webhook', owner > 0, aim)
  })
}
