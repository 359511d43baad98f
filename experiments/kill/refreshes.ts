import { setTimeout as delay } from 'node:timers/promises'
import { ObjectId } from 'mongodb'
import type { Answer } from '../http-client.ts'
import { count, createAim, createQueue, type Person, type Scene, strike, together, untilHit } from './scene.ts'

const thinkingMs = [0, 30] as const

/** Servers die while they refresh: in half of the cases Google rotates the refresh token, too. */
export async function killRefreshes(scene: Scene, wanted: number): Promise<void> {
  const { world, random, pool } = scene
  const { google, collections } = world
  const aim = createAim(random, 60)
  // The lease of a holder who died stands for a while: each connection is used once.
  const take = createQueue(scene.people)
  await untilHit(scene, 'refresh', wanted, async () => {
    const people = take(together)
    const ids = people.map(({ id }) => new ObjectId(id))
    const expired = { $set: { accessTokenExpiresAt: new Date(Date.now() - 1000) } }
    await collections.connections.updateMany({ _id: { $in: ids } }, expired)
    google.rotateRefreshTokens = random.below(2) === 0
    google.fault('token', { delayUntil: () => delay(random.between(...thinkingMs)) }, { times: together })
    const victim = await pool.take()
    const begin = random.below(2) === 0 ? google.arrival('token') : Promise.resolve()
    const requests = people.map(({ id }) => vend(scene, victim, id))
    const answers = await strike(scene, 'refresh', { victim, requests, begin, aim })
    google.clearFaults('token')
    for (const [at, person] of people.entries()) await judge(scene, person, answers[at])
    google.rotateRefreshTokens = false
  })
}

export function vend(scene: Scene, at: Scene['steady'], id: string): Promise<Answer> {
  return at.request(`/v1/connections/${id}/token`, { method: 'POST', headers: scene.world.backend })
}

async function judge(scene: Scene, person: Person, answer: Answer | undefined): Promise<void> {
  const { truth, faults, world } = scene
  const { sub } = person.visitor
  const record = await truth.findById(person.id)
  if (!record || truth.refreshTokenIn(record) === undefined) return faults.add(`${sub}: a refresh lost the record`)
  if (answer) {
    const token = String(answer.body.access_token)
    count(scene, 'refreshes acknowledged')
    faults.expect(answer.status === 200, `a vend answered ${answer.status} ${answer.text}`)
    faults.expect(world.google.ledger.canOpen(token) === sub, `${sub}: the token that was given opens nothing`)
    faults.expect(truth.accessTokenIn(record) === token, `${sub}: a token was given that is not stored`)
    faults.expect(truth.isTrue(record), `${sub}: a token was seen before the refresh token behind it was durable`)
    return
  }
  count(scene, 'refreshes cut')
  if (truth.isTrue(record)) return
  // Only where Google took the old token and the new one died with the process.
  faults.expect(world.google.rotateRefreshTokens, `${sub}: the refresh token was lost`)
  person.rotatedUnseen = true
}
