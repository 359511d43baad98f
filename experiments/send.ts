import { setTimeout as delay } from 'node:timers/promises'
import type { FakeGoogle } from '@guichet/fake-google'
import { createFaults, type Faults, type Figure, inLanes, type Task } from './figure.ts'
import type { Answer } from './http-client.ts'
import { createPool, type Numbered, type Pool } from './kill/pool.ts'
import { createRandom, type Random } from './random.ts'
import { createVisitor } from './visitor.ts'
import { inWorld, type World } from './world.ts'

const replicas = 2
/** They stand ready, so that a kill need not wait for a start. */
const spares = 2
const mailboxes = 16
const lanes = 16
/** One in this many sends is hit by kill -9, together with all other sends of its process. */
const sendsPerKill = 12
const patienceMs = 240_000
const steps = ['settings.sendAs.list', 'drafts.create', 'drafts.send', 'drafts.get', 'drafts.list'] as const
type Fault = Parameters<FakeGoogle['fault']>[1]
const spoilt: readonly Fault[] = [
  { reset: true },
  { reset: true, when: 'after' },
  { hang: true },
  { hang: true, when: 'after' },
  { status: 500 },
  { status: 503, when: 'after' },
  { cutAt: 5 },
  { raw: '<html>' }
]

/** Mails are sent under keys while answers of Google are lost and processes die; the app asks again until it is answered. */
export const send: Figure = {
  name: 'send',
  title: 'Sent once',
  bar: "each mail is in the ledger of Google's outgoing server exactly once, and the answer names it: 0 twice, 0 lost",
  unit: 'sends',
  full: 1_000,
  small: 40,
  run: task => inWorld(world => run(world, task), { GOOGLE_TIMEOUT_MS: '1500', GMAIL_UNITS_PER_USER: '1000000' })
}

async function run(world: World, { seed, size, progress }: Task) {
  const random = createRandom(seed)
  const faults = createFaults()
  const { google } = world
  // What is measured here is not the quota.
  google.usage.limits.unitsPerUser = 1_000_000
  google.usage.limits.unitsPerProject = 100_000_000
  const pool = createPool(() => world.start({}, 64), replicas + spares)
  const servers = await Promise.all(Array.from({ length: replicas }, () => pool.take()))
  const connections: string[] = []
  await inLanes(Array(mailboxes).keys(), 4, async number => {
    const visitor = createVisitor(google, number)
    const [server] = servers as [Numbered]
    await visitor.signIn(server)
    connections.push(await visitor.connect(server))
  })
  const kills: Promise<void>[] = []
  const tally = { faults: 0, kills: 0, asked: 0, done: 0 }
  await inLanes(Array(size).keys(), lanes, async number => {
    strike(google, random, tally)
    if (number % sendsPerKill === sendsPerKill - 1) kills.push(killSoon(pool, servers, random, tally))
    const connection = connections[number % connections.length] ?? ''
    const answer = await sendUntilAnswered(world, { servers, connection, number, random, faults, tally })
    const sent = google.sent.filter(({ subject }) => subject === subjectOf(number))
    if (answer) faults.expect(sent[0]?.id === answer.body.id, `mail ${number}: the answer names another mail`)
    tally.done += 1
    if (tally.done % 20 === 0) progress(`${tally.done} of ${size} sent`)
  })
  google.clearFaults()
  await Promise.all(kills)
  const counts = Array.from(
    { length: size },
    (_, number) => google.sent.filter(({ subject }) => subject === subjectOf(number)).length
  )
  const twice = counts.filter(count => count > 1).length
  const lost = counts.filter(count => count === 0).length
  faults.expect(twice === 0, `${twice} mails were sent more than once`)
  faults.expect(lost === 0, `${lost} mails were not sent`)
  faults.expect(google.violations.length === 0, `Google complains: ${google.violations[0]}`)
  return {
    lines: [
      `${size} mails from ${mailboxes} mailboxes through ${replicas} replica processes, ${lanes} at once: ${tally.faults} answers of Google were lost, late, cut or spoilt, and ${tally.kills} processes ended by kill -9 with sends under way.`,
      `The app asked ${tally.asked} times in all, with the same key each time. Sent once: ${counts.filter(count => count === 1).length}; twice: ${twice}; lost: ${lost}.`
    ],
    faults: faults.found
  }
}

const subjectOf = (number: number) => `Mail ${number}`

/** Most sends meet a fault at one of their steps; the first send to reach the step takes it. */
function strike(google: FakeGoogle, random: Random, tally: { faults: number }): void {
  if (random.next() < 0.2) return
  const step = random.pick(steps)
  google.fault('gmail', random.pick(spoilt), { only: ({ gmailMethod }) => gmailMethod === step })
  tally.faults += 1
}

/** In the middle of its work; another process replaces it. */
async function killSoon(pool: Pool, servers: Numbered[], random: Random, tally: { kills: number }): Promise<void> {
  const heir = await pool.take()
  await delay(random.between(0, 200))
  const [victim] = servers.splice(random.below(servers.length), 1, heir)
  if (!victim) return
  tally.kills += 1
  await pool.kill(victim)
}

/** As an app does: the same key, at whichever replica, until the answer is final. */
async function sendUntilAnswered(
  world: World,
  the: {
    servers: Numbered[]
    connection: string
    number: number
    random: Random
    faults: Faults
    tally: { asked: number }
  }
): Promise<Answer | undefined> {
  const { servers, connection, number, random, faults, tally } = the
  const deadline = Date.now() + patienceMs
  for (;;) {
    tally.asked += 1
    const answer = await random
      .pick(servers)
      .request(`/v1/connections/${connection}/gmail/messages/send`, {
        method: 'POST',
        headers: { ...world.backend, 'idempotency-key': `key-${number}` },
        body: { to: ['someone@example.org'], subject: subjectOf(number), text: 'Once.' }
      })
      .catch(() => undefined)
    if (answer?.status === 200) return answer
    const mayAskAgain = !answer || [409, 429, 502, 503].includes(answer.status)
    if (!mayAskAgain || Date.now() > deadline) {
      faults.add(`mail ${number} was answered ${answer?.status} ${answer?.text}`)
      return undefined
    }
    await delay(Math.min(5, Number(answer?.headers['retry-after'] ?? 0.2)) * 1_000)
  }
}
