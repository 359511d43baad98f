import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { request } from 'undici'
import { createFaults, type Figure, type Task } from './figure.ts'
import { measuresTurns, type ServerProcess } from './servers.ts'
import { createVisitor } from './visitor.ts'
import { inWorld, type World } from './world.ts'

const MB = 1024 * 1024
const maxMemoryMb = 10
const maxForwardMb = 40
/** V8 collects dead buffers only after this much growth, so this much may remain, however little is alive. */
const maxForwardsMb = 64 + maxForwardMb
const maxTurnMs = 50

/** The largest mails that there are, read one at a time: what the server holds, and how long another waits meanwhile. */
export const streams: Figure = {
  name: 'streams',
  title: 'Large mail',
  bar: `an attachment of 25 MB and a raw mail of 30 MB come whole for at most ${maxMemoryMb} MB of memory each, 20 MB are forwarded by reference for at most ${maxForwardMb} MB, and with html of 30 MB, and with 5 MB in the slowest of encodings, the server never computes longer than ${maxTurnMs} ms at a stretch: for so long another request may wait (Linux)`,
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
  const read = (path: string) => () =>
    receive(world, server, { method: 'GET', path: `/v1/connections/${connection}/gmail/messages/${path}` })
  const [first, ...others] = Array.from({ length: 4 }, () => withFile(20 * MB).id)
  const forward = (fromMessage = '') =>
    receive(world, server, {
      method: 'POST',
      path: `/v1/connections/${connection}/gmail/messages/send`,
      body: { to: ['b@example.org'], subject: 'Large', text: 'x', attachments: [{ fromMessage, partId: '1' }] }
    })
  const all = Number.POSITIVE_INFINITY
  const works = [
    {
      name: 'attachment of 25 MB',
      run: read(`${withFile(25 * MB).id}/attachments/1`),
      least: 25 * MB,
      atMostMb: maxMemoryMb
    },
    { name: 'raw mail of 30 MB', run: read(`${withFile(22 * MB).id}/raw`), least: 30 * MB, atMostMb: maxMemoryMb },
    { name: 'html of 30 MB', run: read(gmail.receive({ ...mail, html: 30 * MB }).id), least: 4 * MB, atMostMb: all },
    { name: 'text of 5 MB in HZ', run: read(gmail.receive(inHz(), { rendering }).id), least: 2 * MB, atMostMb: all },
    { name: 'forward of 20 MB by reference', run: () => forward(first), least: 1, atMostMb: maxForwardMb },
    {
      name: 'four such forwards at once',
      run: async () => Math.min(...(await Promise.all([first, ...others].map(forward)))),
      least: 1,
      atMostMb: maxForwardsMb
    }
  ].map(work => ({ ...work, mostMb: 0, slowestMs: 0, longestTurnMs: 0 }))

  // The first round warms everything up.
  for (let round = 0; round <= size; round++) {
    for (const work of works) {
      const before = residentMb(server)
      await server.longestTurnMs()
      const watch = watching(server)
      const bytes = await work.run()
      const { mostMb, slowestMs } = await watch.end()
      const turnMs = await server.longestTurnMs()
      faults.expect(bytes >= work.least, `${work.name}: ${bytes} bytes`)
      if (round === 0) continue
      work.mostMb = Math.max(work.mostMb, mostMb - before)
      work.slowestMs = Math.max(work.slowestMs, slowestMs)
      work.longestTurnMs = Math.max(work.longestTurnMs, turnMs)
    }
    progress(`${round} of ${size} rounds`)
  }
  for (const { name, mostMb, longestTurnMs, atMostMb } of works) {
    faults.expect(mostMb <= atMostMb, `${name}: ${mostMb.toFixed(1)} MB more`)
    // Several at once are only reported: each of them takes a piece of a turn.
    const isOne = atMostMb !== maxForwardsMb
    faults.expect(!isOne || longestTurnMs <= maxTurnMs, `${name}: ${Math.round(longestTurnMs)} ms at a stretch`)
  }
  return {
    lines: works.map(
      ({ name, mostMb, slowestMs, longestTurnMs }) =>
        `${name}: at most ${Math.max(0, mostMb).toFixed(1)} MB more, ${Math.round(longestTurnMs)} ms at a stretch; /livez took ${Math.round(slowestMs)} ms at most by the clock, in which other processes had their share`
    ),
    faults: faults.found
  }
}

/** As Gmail returns text that it could not convert. */
const rendering = { bodies: 'declared' } as const

function inHz(): Buffer {
  const head = 'From: a@example.org\r\nContent-Type: text/plain; charset=hz-gb-2312\r\n\r\n'
  return Buffer.concat([Buffer.from(head), Buffer.alloc(5 * MB, '~{VPND~}\r\n')])
}

/** Reads the answer to its end without keeping it; how many bytes it had. @throws where it is no success */
async function receive(
  { backend }: World,
  { url }: ServerProcess,
  { method, path, body }: { method: 'GET' | 'POST'; path: string; body?: object }
): Promise<number> {
  const json = body && { body: JSON.stringify(body), headers: { ...backend, 'content-type': 'application/json' } }
  const answer = await request(url + path, { method, headers: backend, ...json })
  if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode} ${await answer.body.text()}`)
  let bytes = 0
  for await (const chunk of answer.body) bytes += (chunk as Buffer).length
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
