import { setTimeout as delay } from 'node:timers/promises'
import { inLanes } from '../figure.ts'
import { vend } from './refreshes.ts'
import { count, type Person, type Scene } from './scene.ts'

/** Longer than any lease or claim that a dead process left behind. */
const leasesMs = 120_000
const settleMs = 150_000

/** All are dead, time has passed, one server starts: every earlier answer must be true now. */
export async function judgeAftermath(scene: Scene): Promise<void> {
  const { world, faults } = scene
  if (world.embedded) world.advance(leasesMs)
  const server = await world.start(scene.receiver.environment(0))
  await settled(scene)
  await inLanes(scene.people, 8, async person => {
    if (person.state === 'disconnected') return judgeDisconnected(scene, person)
    return judgeConnected(scene, person, server)
  })
  await judgeRecords(scene)
  await settled(scene)
  await judgeEvents(scene)
  faults.expect(world.google.violations.length === 0, `Google complains: ${world.google.violations[0]}`)
}

/** Waits until no revocation is pending and every event is delivered. */
async function settled({ world: { collections }, faults }: Scene): Promise<void> {
  const deadline = Date.now() + settleMs
  for (;;) {
    const pending = await collections.connections.countDocuments({ live: false })
    const unlisted = await collections.connections.countDocuments({ 'outbox.id': { $exists: true } })
    const waiting = await collections.events.countDocuments({ deliveredAt: null })
    if (pending + unlisted + waiting === 0) return
    if (Date.now() > deadline) {
      faults.add(
        `in the end ${pending} revocations are pending, ${unlisted} events unlisted and ${waiting} undelivered`
      )
      return
    }
    await delay(200)
  }
}

async function judgeDisconnected({ truth, faults }: Scene, { visitor: { sub }, id }: Person): Promise<void> {
  faults.expect((await truth.findById(id)) === null, `${sub}: it was gone and is back`)
  faults.expect(!truth.isGranted(sub), `${sub}: it is gone, and its grant was never revoked`)
}

async function judgeConnected(scene: Scene, person: Person, server: Scene['steady']): Promise<void> {
  const { world, faults, truth } = scene
  const { id, visitor, rotatedUnseen } = person
  const record = await truth.findById(id)
  if (!record) return faults.add(`${visitor.sub}: an acknowledged connection is lost`)
  const answer = await vend(scene, server, id)
  if (rotatedUnseen) {
    const told = answer.status === 409 && answer.body.code === 'needs_reconnect'
    faults.expect(told, `${visitor.sub}: its token is gone and the vend answered ${answer.status}`)
    const healed = await visitor.connect(server)
    faults.expect(healed === id, `${visitor.sub}: connecting again made another connection`)
    count(scene, 'rotated unseen')
  } else {
    const opened = world.google.ledger.canOpen(String(answer.body.access_token))
    faults.expect(
      answer.status === 200 && opened === visitor.sub,
      `${visitor.sub}: vending answered ${answer.status} ${answer.text}`
    )
  }
}

/** The other way round: whatever the database calls connected. */
async function judgeRecords(scene: Scene): Promise<void> {
  const { world, truth, faults, people } = scene
  const known = new Map(people.map(person => [person.id, person]))
  for await (const record of world.collections.connections.find({ live: true, deadReason: null })) {
    count(scene, 'records called connected')
    const person = known.get(record._id.toHexString())
    faults.expect(truth.isTrue(record), `${record.account.sub}: called connected, and Google says no`)
    faults.expect(person?.state === 'connected', `${record.account.sub}: nobody made this connection`)
  }
}

/** Every committed event was delivered at least once, and no other. */
async function judgeEvents(scene: Scene): Promise<void> {
  const { world, receiver, faults, people } = scene
  const listed = await world.collections.events.find().toArray()
  const ids = new Set(listed.map(({ id }) => id))
  const told = new Set(
    listed.map(({ type, data }) => `${type} ${(data as { connection?: { id: string } }).connection?.id}`)
  )
  for (const { id } of listed) {
    faults.expect(receiver.received.has(id), `event ${id} was never delivered`)
    count(scene, 'events')
  }
  for (const [id, times] of receiver.received) {
    faults.expect(ids.has(id), `event ${id} was delivered and never happened`)
    if (times > 1) count(scene, 'events delivered again')
  }
  for (const { id, state } of people) {
    faults.expect(told.has(`connection.connected ${id}`), `no event tells that ${id} was connected`)
    if (state === 'disconnected')
      faults.expect(told.has(`connection.disconnected ${id}`), `no event tells that ${id} was disconnected`)
  }
}
