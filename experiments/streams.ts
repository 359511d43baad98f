import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { request } from 'undici'
import { createFaults, type Figure, type Task } from './figure.ts'
import { measuresTurns, type ServerProcess } from './servers.ts'
import { createVisitor } from './visitor.ts'
import { inWorld, type World } from './world.ts'

const MB = 1024 * 1024
const maxMemoryMb = 10
const maxTurnMs = 50

/** The largest mails that there are, read one at a time: what the server holds, and how long another waits meanwhile. */
export const streams: Figure = {
  name: 'streams',
  title: 'Large mail',
  bar: `an attachment of 25 MB and a raw mail of 30 MB come whole for at most ${maxMemoryMb} MB of memory each, and with html of 30 MB, and with 5 MB in the slowest of encodings, the server never computes longer than ${maxTurnMs} ms at a stretch: for so long another request may wait (Linux)`,
  unit: 'rounds',
  full: 20,
  small: 2,
  run: task => inWorld(world => run(world, task), { GMAIL_UNITS_PER_USER: '1000000' })
}

async function run(world: World, { size, progress }: Task) {
  const faults = createFaults()
  const { google } = world
  Object.assign(google.usage.limits, { unitsPerUser: 1_000_000 })
  const server = await world.start(measuresTurns)
  const visitor = createVisitor(google, 1)
  await visitor.signIn(server)
  const connection = await visitor.connect(server)
  const { gmail } = google.user('user1@example.com')
  const mail = { from: 'a@example.org', subject: 'Large', body: 'x' }
  const withFile = (bytes: number) =>
    gmail.receive({ ...mail, attachments: [{ filename: 'large.bin', content: { bytes } }] })
  const reads = [
    { name: 'attachment of 25 MB', path: `${withFile(25 * MB).id}/attachments/1`, least: 25 * MB, streamed: true },
    { name: 'raw mail of 30 MB', path: `${withFile(22 * MB).id}/raw`, least: 30 * MB, streamed: true },
    { name: 'html of 30 MB', path: gmail.receive({ ...mail, html: 30 * MB }).id, least: 4 * MB, streamed: false },
    { name: 'text of 5 MB in HZ', path: gmail.receive(inHz(), { rendering }).id, least: 2 * MB, streamed: false }
  ].map(read => ({ ...read, mostMb: 0, slowestMs: 0, longestTurnMs: 0 }))

  // The first round warms everything up.
  for (let round = 0; round <= size; round++) {
    for (const read of reads) {
      const before = residentMb(server)
      await server.longestTurnMs()
      const watch = watching(server)
      const bytes = await receive(world, server, `/v1/connections/${connection}/gmail/messages/${read.path}`)
      const { mostMb, slowestMs } = await watch.end()
      const turnMs = await server.longestTurnMs()
      faults.expect(bytes >= read.least, `${read.name}: ${bytes} bytes`)
      if (round === 0) continue
      read.mostMb = Math.max(read.mostMb, mostMb - before)
      read.slowestMs = Math.max(read.slowestMs, slowestMs)
      read.longestTurnMs = Math.max(read.longestTurnMs, turnMs)
    }
    progress(`${round} of ${size} rounds`)
  }
  for (const { name, mostMb, longestTurnMs, streamed } of reads) {
    faults.expect(!streamed || mostMb <= maxMemoryMb, `${name}: ${mostMb.toFixed(1)} MB more`)
    faults.expect(longestTurnMs <= maxTurnMs, `${name}: ${Math.round(longestTurnMs)} ms at a stretch`)
  }
  return {
    lines: reads.map(
      ({ name, mostMb, slowestMs, longestTurnMs }) =>
        `${name}: at most ${Math.max(0, mostMb).toFixed(1)} MB more, ${Math.round(longestTurnMs)} ms at a stretch; /livez took ${Math.round(slowestMs)} ms at most by the clock, in which other processes had their share`
    ),
    faults: faults.found
  }
}

/** As Gmail hands over what it could not convert. */
const rendering = { bodies: 'declared' } as const

function inHz(): Buffer {
  const head = 'From: a@example.org\r\nContent-Type: text/plain; charset=hz-gb-2312\r\n\r\n'
  return Buffer.concat([Buffer.from(head), Buffer.alloc(5 * MB, '~{VPND~}\r\n')])
}

/** Reads the answer to its end without keeping it. */
async function receive({ backend }: World, { url }: ServerProcess, path: string): Promise<number> {
  const { body } = await request(url + path, { headers: backend })
  let bytes = 0
  for await (const chunk of body) bytes += (chunk as Buffer).length
  return bytes
}

/** Asks /livez over and over, and looks at the memory. */
function watching(server: ServerProcess) {
  const seen = { mostMb: 0, slowestMs: 0 }
  let going = true
  const done = (async () => {
    while (going) {
      const startedAtMs = performance.now()
      await server.request('/livez')
      seen.slowestMs = Math.max(seen.slowestMs, performance.now() - startedAtMs)
      seen.mostMb = Math.max(seen.mostMb, residentMb(server))
      await delay(5)
    }
  })()
  return {
    async end() {
      going = false
      await done
      return seen
    }
  }
}

function residentMb({ pid }: ServerProcess): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}
