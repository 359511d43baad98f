import { setTimeout as delay } from 'node:timers/promises'
import { createFaults, type Figure, inLanes, type Task } from './figure.ts'
import type { Answer } from './http-client.ts'
import { createRandom, type Random } from './random.ts'
import type { ServerProcess } from './servers.ts'
import { createVisitor } from './visitor.ts'
import { inWorld, type World } from './world.ts'

const replicas = 2
const copies = 50
const sockets = 256
const googleMs = [0, 100] as const
/** Signed in meanwhile, the other copies come with a session that is no more. */
const refusals = ['flow_used', 'flow_wrong_session']

/** One callback, sent many times at once to several processes: one exchange, and no answer but that one's. */
export const replay: Figure = {
  name: 'replay',
  title: 'Replay',
  bar: '1 exchange for each callback, however often it comes at once, and every success says the same',
  unit: 'callbacks',
  full: 10_000,
  small: 500,
  run: task => inWorld(world => run(world, task))
}

interface Callback {
  path: string
  cookie: string
  code: string
}

async function run(world: World, { seed, size, progress }: Task) {
  const { google } = world
  const random = createRandom(seed)
  const faults = createFaults()
  const servers = await Promise.all(Array.from({ length: replicas }, () => world.start({}, sockets)))
  const callbacks = await prepare(world, servers, Math.ceil(size / copies))
  progress(`${callbacks.length} flows are ready`)

  const before = google.requestsTo('token').length
  google.fault('token', { delayUntil: () => delay(random.between(...googleMs)) }, { times: Infinity })
  const shuffled = shuffle(
    callbacks.flatMap(callback => Array<Callback>(copies).fill(callback)),
    random
  )
  const answers = new Map<Callback, Answer[]>(callbacks.map(callback => [callback, []]))
  const send = async (callback: Callback) => {
    const { path, cookie } = callback
    answers.get(callback)?.push(await random.pick(servers).request(path, { headers: { cookie } }))
  }
  await Promise.all(shuffled.map(send))

  const exchanges = new Map<string, number>()
  for (const { body } of google.requestsTo('token').slice(before)) {
    const code = new URLSearchParams(body).get('code') ?? ''
    exchanges.set(code, (exchanges.get(code) ?? 0) + 1)
  }
  for (const { code, path } of callbacks) {
    const name = path.split('?', 1)[0]
    const made = exchanges.get(code) ?? 0
    faults.expect(made === 1, `${name}: ${made} exchanges of one code`)
  }
  let successes = 0
  let later = 0
  for (const [{ path }, all] of answers) {
    const name = path.split('?', 1)[0]
    const good = all.filter(({ status }) => status === 200)
    successes += good.length
    const said = new Set(good.map(({ text }) => text))
    faults.expect(said.size === 1, `${name}: ${said.size} different answers in ${good.length} successes`)
    for (const { status, headers, body, text } of all) {
      const refused = status === 400 && refusals.includes(String(body.code))
      // The flood is more than a database in the same process can serve: a 503 counts as an answer.
      const isLater = status === 503 && headers['retry-after'] !== undefined
      if (isLater) later++
      faults.expect(status === 200 || refused || isLater, `${name}: ${status} ${text}`)
    }
  }
  faults.expect(google.violations.length === 0, `Google complains: ${google.violations[0]}`)
  return {
    lines: [
      `${shuffled.length} callbacks of ${callbacks.length} flows (sign-ins and connects), all at once, to ${replicas} replica processes over ${replicas * sockets} sockets.`,
      `${google.requestsTo('token').length - before} exchanges at Google, ${successes} successes, each callback's alike; the other copies were refused, ${later} of them with 503 and Retry-After.`
    ],
    faults: faults.found
  }
}

/** As many flows, half of them sign-ins and half connects, each at its callback. */
async function prepare({ google }: World, servers: readonly ServerProcess[], count: number): Promise<Callback[]> {
  const callbacks: Callback[] = []
  await inLanes(Array(count).keys(), 8, async number => {
    const visitor = createVisitor(google, number)
    const server = servers[number % servers.length] as ServerProcess
    const connects = number % 2 === 0
    if (connects) await visitor.signIn(server)
    const path = await visitor.authorize(server, connects ? '/connect/gmail' : '/auth/google')
    const code = new URLSearchParams(path.split('?')[1]).get('code') ?? ''
    callbacks.push({ path, code, cookie: visitor.cookie() })
  })
  return callbacks
}

function shuffle<T>(list: T[], random: Random): T[] {
  for (let at = list.length - 1; at > 0; at--) {
    const other = random.below(at + 1)
    const kept = list[at] as T
    list[at] = list[other] as T
    list[other] = kept
  }
  return list
}
