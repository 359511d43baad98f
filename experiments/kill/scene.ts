import { setTimeout as delay } from 'node:timers/promises'
import type { Faults } from '../figure.ts'
import type { Answer, Client } from '../http-client.ts'
import type { Random } from '../random.ts'
import type { Visitor } from '../visitor.ts'
import type { World } from '../world.ts'
import type { Numbered, Pool } from './pool.ts'
import type { Receiver } from './receiver.ts'
import type { Truth } from './truth.ts'

export type Phase = 'exchange' | 'store' | 'refresh' | 'disconnect' | 're-seal' | 'webhook'

/** A user, and what the answers said so far. */
export interface Person {
  visitor: Visitor
  /** The connection that was acknowledged or found. */
  id: string
  state: 'connected' | 'disconnected'
  /** Google rotated the refresh token and the answer was lost: the next vend must report it. */
  rotatedUnseen: boolean
}

/** What all phases play in. */
export interface Scene {
  world: World
  random: Random
  faults: Faults
  /** A server that is never killed: for whatever is only preparation. */
  steady: Client
  pool: Pool
  receiver: Receiver
  truth: Truth
  people: Person[]
  /** Kills in each phase that hit work under way. */
  kills: Map<Phase, number>
  /** Kills that came after every answer: what was acknowledged then counts most. */
  late: number
  /** How many numbers each count of the report has. */
  tally: Map<string, number>
  newVisitor(): Visitor
  progress(text: string): void
}

/** Requests that are under way at the moment of a kill. */
export const together = 4

export function count(scene: Scene, what: string): void {
  scene.tally.set(what, (scene.tally.get(what) ?? 0) + 1)
}

/** A random moment to kill; the range follows how long the work takes on this machine. */
export interface Aim {
  draw(): number
  /** Told whether there was still work under way. */
  learn(hit: boolean): void
}

export function createAim(random: Random, firstRangeMs: number): Aim {
  let rangeMs = firstRangeMs
  return {
    draw: () => random.between(0, rangeMs),
    learn(hit) {
      rangeMs = Math.min(3000, Math.max(10, rangeMs * (hit ? 1.1 : 0.7)))
    }
  }
}

/** Kills the server some time after `begin`; returns each request's answer, if there was one. */
export async function strike(
  scene: Scene,
  phase: Phase,
  the: { victim: Numbered; requests: Promise<Answer>[]; begin: Promise<unknown>; aim: Aim }
): Promise<(Answer | undefined)[]> {
  const { victim, requests, begin, aim } = the
  const settled = Promise.all(requests.map(request => request.catch(() => undefined)))
  // A request that is refused never gets as far as what is waited for.
  await Promise.race([begin, settled])
  await delay(aim.draw())
  await scene.pool.kill(victim)
  const answers = await settled
  recordKill(scene, phase, answers.includes(undefined), aim)
  return answers
}

export function recordKill(scene: Scene, phase: Phase, hit: boolean, aim: Aim): void {
  aim.learn(hit)
  if (hit) scene.kills.set(phase, (scene.kills.get(phase) ?? 0) + 1)
  else scene.late++
  const hits = scene.kills.get(phase) ?? 0
  if (hit && hits % 10 === 0) scene.progress(`${phase}: ${hits} kills`)
}

/** Repeats until so many kills of that phase hit work under way. */
export async function untilHit(scene: Scene, phase: Phase, wanted: number, once: () => Promise<void>): Promise<void> {
  while ((scene.kills.get(phase) ?? 0) < wanted) await once()
}

/** The people that a phase may use, one after the other; throws when there are too few. */
export function createQueue(people: readonly Person[]): (number: number) => Person[] {
  let next = 0
  return number => {
    const taken = people.slice(next, next + number)
    next += number
    if (taken.length < number) throw new Error('there are too few connections for this phase')
    return taken
  }
}
