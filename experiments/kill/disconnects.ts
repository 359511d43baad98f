import { setTimeout as delay } from 'node:timers/promises'
import type { Answer } from '../http-client.ts'
import { count, createAim, createQueue, type Person, type Scene, strike, together, untilHit } from './scene.ts'

const thinkingMs = [0, 40] as const

/** Servers die while they disconnect: it is either fully there or gone, and what is gone is revoked in the end. */
export async function killDisconnects(scene: Scene, wanted: number): Promise<void> {
  const { world, random, pool } = scene
  const aim = createAim(random, 60)
  const take = createQueue(scene.people.filter(({ rotatedUnseen }) => !rotatedUnseen))
  await untilHit(scene, 'disconnect', wanted, async () => {
    const people = take(together)
    world.google.fault(
      'revoke',
      { delayUntil: () => delay(random.between(...thinkingMs)), when: random.pick(['before', 'after']) },
      { times: together }
    )
    const victim = await pool.take()
    const requests = people.map(({ id }) =>
      victim.request(`/v1/connections/${id}`, { method: 'DELETE', headers: world.backend })
    )
    const begin = random.below(2) === 0 ? world.google.arrival('revoke') : Promise.resolve()
    const answers = await strike(scene, 'disconnect', { victim, requests, begin, aim })
    world.google.clearFaults('revoke')
    for (const [at, person] of people.entries()) await judge(scene, person, answers[at])
  })
}

async function judge(scene: Scene, person: Person, answer: Answer | undefined): Promise<void> {
  const { truth, faults } = scene
  const { sub } = person.visitor
  const record = await truth.findById(person.id)
  if (answer) {
    count(scene, 'disconnects acknowledged')
    const { revoked } = answer.body
    faults.expect(answer.status === 200 && revoked !== 'kept', `a disconnect answered ${answer.status} ${answer.text}`)
    faults.expect(record === null, `${sub}: disconnected was said, and it still lives`)
    faults.expect(revoked !== 'confirmed' || !truth.isGranted(sub), `${sub}: revoked was said, and it is not`)
  } else count(scene, record ? 'disconnects cut before they took hold' : 'disconnects cut after they took hold')
  if (record) faults.expect(truth.isTrue(record), `${sub}: it still lives here, and no more at Google`)
  else person.state = 'disconnected'
}
