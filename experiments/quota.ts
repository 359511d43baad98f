import { setTimeout as delay } from 'node:timers/promises'
import { createFaults, type Faults, type Figure, type Task } from './figure.ts'
import type { ServerProcess } from './servers.ts'
import { createVisitor } from './visitor.ts'
import { inWorld, type World } from './world.ts'

const unitsPerUser = 600
const replicas = 2
/** Callers that ask for more than there is, and one that asks now and then, as a person does. */
const callers = 100
const personMs = 2_000
/** Within what background work leaves of a minute's units. */
const asideMs = 1_000
const openCallsPerUser = 12
const maxShare = 1.1
const maxInteractiveP95Ms = 2_000

/** More is asked of one account than Google gives: replicas keep within it together, and say when to come back. */
export const quota: Figure = {
  name: 'quota',
  title: "Google's quota",
  bar: 'no minute costs more than 110 % of the budget, Google refuses no call, a caller told to wait is told how long, whatever is served is served within the 25 s of a request; where background work takes all that it may have of another account, 95 % of what a person asks is served within 2 s',
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
      // They retry sooner than Retry-After says.
      if (seconds > 0) await delay(Math.min(seconds, 5) * 1_000 * Math.random())
    }
  })
  const person = async () => {
    while (Date.now() < endMs) {
      await ask(server, 'profile')
      await delay(personMs)
    }
  }
  const followed = await follow(world, server, 2)
  const beside = besideBackground(world, servers, followed, endMs, faults)
  const clock = setInterval(() => progress(`${Math.ceil((endMs - Date.now()) / 1_000)} s left`), 10_000)
  await Promise.all([...greedy, person()])
  const { p95Ms, asked, polls, most: mostFollowed } = await beside
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
      `The dearest minute cost ${most} units (${Math.round((most / unitsPerUser) * 100)} %); at most ${google.usage.mostOpenCalls(account)} calls were open at once; the slowest answer took ${Math.round(tally.slowestMs)} ms.`,
      `Beside a mailbox that is polled as fast as its units allow (${polls} looks, ${mostFollowed} units in its dearest minute) a person asked ${asked} times: 95 % were answered within ${Math.round(p95Ms)} ms.`
    ],
    faults: faults.found
  }
}

/** A mailbox that is followed, and whose history never ends: pages that hold nothing, each with another after it. */
async function follow({ google }: World, server: ServerProcess, number: number): Promise<Followed> {
  const visitor = createVisitor(google, number)
  await visitor.signIn(server)
  const connection = await visitor.connect(server)
  const { gmail } = google.user(`user${number}@example.com`)
  const answer = await visitor.fetch(server, `/connections/${connection}/gmail/watch`, { method: 'PUT', body: {} })
  if (answer.status !== 200) throw new Error(`following answered ${answer.status} ${answer.text}`)
  gmail.receive({ subject: 'One', from: 'a@example.org', body: 'x' })
  gmail.emptyPages.history.left = Number.MAX_SAFE_INTEGER
  return { connection, account: `user${number}@example.com` }
}

interface Followed {
  connection: string
  account: string
}

/** A person at one of the replicas, while one of them polls. */
async function besideBackground(
  { google, backend }: World,
  servers: readonly ServerProcess[],
  { connection, account }: Followed,
  endMs: number,
  faults: Faults
) {
  const tookMs: number[] = []
  for (let asked = 0; Date.now() < endMs; asked++) {
    const at = servers[asked % servers.length]
    const startedAtMs = performance.now()
    const answer = await at?.request(`/v1/connections/${connection}/gmail/profile`, { headers: backend })
    tookMs.push(performance.now() - startedAtMs)
    faults.expect(answer?.status === 200, `a person was answered ${answer?.status} ${answer?.text}`)
    await delay(asideMs)
  }
  const p95Ms = tookMs.toSorted((one, other) => one - other)[Math.floor(tookMs.length * 0.95)] ?? 0
  const most = google.usage.mostUnitsInAMinute(account)
  const polls = google.requestsTo('gmail').filter(({ gmailMethod }) => gmailMethod === 'history.list').length
  faults.expect(p95Ms <= maxInteractiveP95Ms, `95 % of a person's calls took ${Math.round(p95Ms)} ms`)
  faults.expect(most <= unitsPerUser * maxShare, `a minute of the followed account cost ${most} units`)
  faults.expect(polls >= 20, `only ${polls} looks at the followed mailbox`)
  return { p95Ms, asked: tookMs.length, polls, most }
}
