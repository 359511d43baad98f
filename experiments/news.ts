import { setTimeout as delay } from 'node:timers/promises'
import type { FakeGoogle } from '@guichet/fake-google'
import type { ListedEvent } from '../src/events/event.ts'
import { createFaults, type Faults, type Figure, inLanes, type Task } from './figure.ts'
import { createRandom, type Random } from './random.ts'
import type { ServerProcess } from './servers.ts'
import { createVisitor } from './visitor.ts'
import { inWorld, type World } from './world.ts'

const replicas = 2
const pushAccount = 'pusher@guichet-figures.iam.gserviceaccount.com'
const audience = 'https://guichet-figures.example.com/hooks/gmail'
const environment = {
  GMAIL_PUBSUB_TOPIC: 'projects/guichet-figures/topics/gmail',
  GMAIL_PUSH_ACCOUNT: pushAccount,
  GMAIL_PUSH_AUDIENCE: audience
}
/** Mailboxes whose cursor is compared with what is durable, after each kill. */
const looksPerKill = 20
/** More than a page of the history. */
const backlog = 130
const patienceMs = 300_000

interface Followed {
  /** Of the connection. */
  id: string
  sub: string
  mailbox: ReturnType<FakeGoogle['gmail']>
}

/** New mail arrives while the replicas that watch it are killed: each mail has its event, for its own user. */
export const news: Figure = {
  name: 'news',
  title: 'New mail',
  bar: '0 mails missed, 0 told to another user, 0 told twice, 0 cursors past what is durable',
  unit: 'kills',
  full: 200,
  small: 5,
  run: task => inWorld(world => run(world, task), environment)
}

async function run(world: World, { seed, size, small, progress }: Task) {
  const random = createRandom(seed)
  const faults = createFaults()
  const servers = await Promise.all(Array.from({ length: replicas }, () => world.start()))
  const followed: Followed[] = []
  await inLanes(Array(small ? 20 : 200).keys(), 5, async number => {
    followed.push(await follow(world, servers as [ServerProcess], number))
  })
  const pushesGoTo = (server: ServerProcess) =>
    world.google.pubsub.subscribe({ endpoint: `${server.url}/hooks/gmail`, serviceAccount: pushAccount, audience })
  pushesGoTo(random.pick(servers))

  const ended = new AbortController()
  const arriving = receiveMail(followed, random, ended.signal)
  for (let kill = 1; kill <= size; kill++) {
    await delay(random.between(0, 1_500))
    const at = random.below(servers.length)
    await servers[at]?.kill()
    for (let look = 0; look < looksPerKill; look++) await compareWithDurable(world, random.pick(followed), faults)
    servers[at] = await world.start()
    pushesGoTo(random.pick(servers))
    progress(`kill ${kill} of ${size}`)
  }
  ended.abort()
  const mails = await arriving
  await settle(world, followed, faults)
  const told = await compareAll(world, followed, faults)
  faults.expect(world.google.violations.length === 0, `Google complains: ${world.google.violations[0]}`)
  const pushes = world.google.pubsub.answers
  faults.expect(
    pushes.every(status => [0, 204, 503].includes(status)),
    `pushes: ${byStatus(pushes)}`
  )
  return {
    lines: [
      `${followed.length} connections followed by ${replicas} replica processes, one of them killed with kill -9 ${size} times: ${mails} mails arrived, ${told} were told.`,
      `${pushes.length} pushes: ${byStatus(pushes)}; ${size * looksPerKill} times a cursor was compared with what is durable.`
    ],
    faults: faults.found
  }
}

/** The number of each status; `0` for no answer. */
function byStatus(statuses: readonly number[]): string {
  const counts = new Map<number, number>()
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1)
  return [...counts]
    .toSorted(([one], [other]) => one - other)
    .map(([status, count]) => (status === 0 ? `${count} to a process that was gone` : `${count} answered ${status}`))
    .join(', ')
}

async function follow({ google }: World, [server]: [ServerProcess], number: number): Promise<Followed> {
  const visitor = createVisitor(google, number)
  await visitor.signIn(server)
  const id = await visitor.connect(server)
  const answer = await visitor.fetch(server, `/connections/${id}/gmail/watch`, { method: 'PUT', body: {} })
  if (answer.status !== 200) throw new Error(`following answered ${answer.status} ${answer.text}`)
  return { id, sub: visitor.sub, mailbox: google.gmail(visitor.sub) }
}

/** Mail at random, some of it no news, and a page of the history that holds nothing now and then; how many there were. */
async function receiveMail(followed: readonly Followed[], random: Random, signal: AbortSignal): Promise<number> {
  let count = 0
  while (!signal.aborted) {
    const { mailbox } = random.pick(followed)
    const labels = random.below(10) === 0 ? [random.pick(['SPAM', 'DRAFT', 'SENT'])] : ['INBOX', 'UNREAD']
    const mails = random.below(50) === 0 ? backlog : random.pick([1, 1, 2])
    for (let mail = 0; mail < mails; mail++) {
      mailbox.receive({ subject: 'News', from: 'Charles <charles@example.org>', body: 'The mill turns.' }, { labels })
      if (isNews(labels)) count += 1
    }
    if (random.below(5) === 0) mailbox.emptyPages.history.left = 1
    await delay(random.between(0, 200))
  }
  return count
}

const isNews = (labels: readonly string[]) => labels.includes('INBOX')

/** The mails that a mailbox should have told, in their order, up to that place in its history. */
function expectedOf({ mailbox }: Followed, upTo = mailbox.history.current()): string[] {
  return mailbox.history.records
    .filter(({ id, type, message }) => id <= upTo && type === 'messageAdded' && isNews(message.labelIds))
    .map(({ message }) => message.id)
}

const messageOf = ({ data }: Pick<ListedEvent, 'data'>) => (data as { messageId?: string }).messageId

/** Read in this order: an event is listed before it leaves the record. */
async function durableOf({ collections }: World, { id, sub }: Followed) {
  const record = await collections.connections.findOne({ 'account.sub': sub, live: true })
  const listed = await collections.events.find({ 'data.connectionId': id }).sort({ _id: 1 }).toArray()
  return { cursor: BigInt(record?.watch?.cursor ?? 0), waiting: record?.outbox ?? [], listed }
}

async function compareWithDurable(world: World, one: Followed, faults: Faults): Promise<void> {
  const { cursor, waiting, listed } = await durableOf(world, one)
  const durable = new Set([...waiting, ...listed].map(messageOf))
  const lost = expectedOf(one, cursor).filter(id => !durable.has(id))
  faults.expect(lost.length === 0, `${one.sub}: the cursor ${cursor} is past ${lost.length} mails that are not durable`)
}

/** Pushes until every mailbox has all its events. Leases of killed processes expire. */
async function settle(world: World, followed: readonly Followed[], faults: Faults): Promise<void> {
  const deadline = Date.now() + patienceMs
  let behind = [...followed]
  while (behind.length > 0 && Date.now() < deadline) {
    await inLanes(behind, 4, async ({ sub }) => void (await world.google.pubsub.push(sub).catch(() => 0)))
    await delay(1_000)
    const states = await Promise.all(behind.map(async one => ({ one, ...(await durableOf(world, one)) })))
    behind = states
      .filter(({ one, cursor, waiting }) => cursor < one.mailbox.history.current() || waiting.length > 0)
      .map(({ one }) => one)
  }
  faults.expect(behind.length === 0, `${behind.length} mailboxes were not told to their end`)
}

async function compareAll(world: World, followed: readonly Followed[], faults: Faults): Promise<number> {
  let told = 0
  for (const one of followed) {
    const { listed } = await durableOf(world, one)
    const heard = listed.map(messageOf)
    const expected = expectedOf(one)
    const own = new Set(expected)
    told += heard.length
    faults.expect(new Set(heard).size === heard.length, `${one.sub}: a mail was told twice`)
    faults.expect(
      heard.every(id => own.has(String(id))),
      `${one.sub}: something else was told`
    )
    const missed = expected.filter(id => !heard.includes(id))
    faults.expect(missed.length === 0, `${one.sub}: ${missed.length} of ${expected.length} mails were missed`)
    faults.expect(missed.length > 0 || heard.join() === expected.join(), `${one.sub}: not in the order of the history`)
  }
  return told
}
