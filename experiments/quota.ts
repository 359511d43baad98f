import { setTimeout as delay } from 'node:timers/promises'
import { createFaults, type Figure, type Task } from './figure.ts'
import type { ServerProcess } from './servers.ts'
import { createVisitor } from './visitor.ts'
import { inWorld, type World } from './world.ts'

const unitsPerUser = 600
const replicas = 2
/** Callers that ask for more than there is, and one that asks now and then, as a person does. */
const callers = 100
const personMs = 2_000
const openCallsPerUser = 12
const maxShare = 1.1

/** More is asked of one account than Google gives: replicas keep within it together, and say when to come back. */
export const quota: Figure = {
  name: 'quota',
  title: "Google's quota",
  bar: 'no minute costs more than 110 % of the budget, Google refuses no call, whoever is told to wait is told how long, and whatever is served is served within the 25 s of a request',
  unit: 'seconds',
  full: 600,
  small: 20,
  run: task => inWorld(world => run(world, task), { GMAIL_UNITS_PER_USER: String(unitsPerUser) })
}

async function run(world: World, { size, progress }: Task) {
  const faults = createFaults()
  const { google } = world
  // Google would hide what is too much by refusing it: it counts here, and refuses for concurrency alone.
  Object.assign(google.usage.limits, { unitsPerUser: 1_000_000, unitsPerProject: 100_000_000, openCallsPerUser })
  const servers = await Promise.all(Array.from({ length: replicas }, () => world.start({}, callers)))
  const [server] = servers as [ServerProcess]
  const visitor = createVisitor(google, 1)
  await visitor.signIn(server)
  const connection = await visitor.connect(server)
  const account = 'user1@example.com'
  const { id } = google.user(account).gmail.receive({ subject: 'One', from: 'a@example.org', body: 'x' })

  const endMs = Date.now() + size * 1_000
  const tally = { served: 0, told: 0, slowestMs: 0 }
  async function ask(at: ServerProcess, path: string): Promise<number> {
    const startedAtMs = performance.now()
    const answer = await at.request(`/v1/connections/${connection}/gmail/${path}`, { headers: world.backend })
    const ms = performance.now() - startedAtMs
    if (answer.status === 200) {
      tally.served += 1
      tally.slowestMs = Math.max(tally.slowestMs, ms)
      faults.expect(/^spent=\d+, left=\d+$/.test(String(answer.headers['guichet-quota'])), 'an answer without its cost')
      return 0
    }
    const seconds = Number(answer.headers['retry-after'])
    faults.expect(answer.status === 429 && seconds > 0, `an answer ${answer.status} ${answer.text}`)
    tally.told += 1
    return seconds
  }
  const greedy = Array.from({ length: callers }, async (_, number) => {
    while (Date.now() < endMs) {
      const seconds = await ask(servers[number % replicas] ?? server, `messages/${id}`)
      // Less patient than they are asked to be.
      if (seconds > 0) await delay(Math.min(seconds, 5) * 1_000 * Math.random())
    }
  })
  const person = async () => {
    while (Date.now() < endMs) {
      await ask(server, 'profile')
      await delay(personMs)
    }
  }
  const clock = setInterval(() => progress(`${Math.ceil((endMs - Date.now()) / 1_000)} s left`), 10_000)
  await Promise.all([...greedy, person()])
  clearInterval(clock)

  const most = google.usage.mostUnitsInAMinute(account)
  const refused = google.usage.calls.filter(call => call.refused !== undefined).length
  faults.expect(most <= unitsPerUser * maxShare, `a minute cost ${most} units`)
  faults.expect(size < 120 || most >= unitsPerUser * 0.8, `the budget was not used: ${most} units`)
  faults.expect(refused <= google.usage.calls.length / 100, `Google refused ${refused} calls`)
  faults.expect(tally.slowestMs < 25_000, `a call took ${Math.round(tally.slowestMs)} ms`)
  const calls = google.usage.calls.length
  return {
    lines: [
      `${callers} callers at ${replicas} replica processes ask one account for more than its ${unitsPerUser} units a minute: ${tally.served} calls served, ${tally.told} told to come back later; ${calls} calls at Google, of which it refused ${refused}.`,
      `The dearest minute cost ${most} units (${Math.round((most / unitsPerUser) * 100)} %); at most ${google.usage.mostOpenCalls(account)} calls were open at once; the slowest answer took ${Math.round(tally.slowestMs)} ms.`
    ],
    faults: faults.found
  }
}
