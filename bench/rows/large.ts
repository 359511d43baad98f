import { setTimeout as delay } from 'node:timers/promises'
import { request } from 'undici'
import type { Server } from '../process.ts'
import type { Finding, Row, Verdict } from '../row.ts'
import { spreadOf } from '../statistics.ts'
import { lendToFloor, visit } from '../visit.ts'

const MB = 1024 * 1024

/** The largest that Gmail holds, read whole: what the server holds meanwhile, and how long another request waits. */
export const large: Row = {
  name: 'large',
  title: 'An attachment of 25 MB, and a raw mail of 30 MB',
  async run(bench) {
    const { world, guichet, floor, isQuick } = bench
    const { client, connection, email } = await visit(bench)
    const mail = { from: 'a@example.org', subject: 'Large', body: 'x' }
    const withFile = (bytes: number) =>
      world.google.gmail(email).receive({ ...mail, attachments: [{ filename: 'large.bin', content: { bytes } }] }).id
    await lendToFloor(bench, connection)
    const lines: Finding['lines'] = []
    const verdicts: Verdict[] = []
    for (const { name, path, least } of [
      { name: 'attachment of 25 MB', path: `${withFile(25 * MB)}/attachments/1`, least: 25 * MB },
      { name: 'raw mail of 30 MB', path: `${withFile(22 * MB)}/raw`, least: 30 * MB }
    ]) {
      const url = `${guichet.url}/v1/connections/${connection}/gmail/messages/${path}`
      const ask = () => request(url, { headers: world.backend })
      const before = world.google.requestsTo('gmail').length
      await watch(guichet, ask, least)
      const last = world.google.requestsTo('gmail').slice(before).at(-1)
      const headers = { 'content-type': 'application/json' }
      const body = JSON.stringify([`${last?.path}?${last?.query.replace(/^\?/, '')}`])
      const askFloor = () => request(`${floor.url}/stream`, { method: 'POST', headers, body })
      const own: Watched[] = []
      const floors: Watched[] = []
      for (let round = 0; round < (isQuick ? 2 : 9); round++) {
        own.push(await watch(guichet, ask, least))
        floors.push(await watch(floor, askFloor, least))
      }
      for (const [who, watched] of [
        ['guichet', own],
        ['floor', floors]
      ] as const) {
        const [mb, ms] = [spreadOf(watched.map(one => one.mb)), spreadOf(watched.map(one => one.liveMs))]
        lines.push([`${who}, ${name}`, `${mb.median.toFixed(1)} MB`, `${Math.round(ms.median)} ms`])
        if (who === 'floor') continue
        verdicts.push({ what: `memory more, ${name}`, value: mb, unit: 'MB', atMost: 10 })
        verdicts.push({ what: `slowest other request, ${name}`, value: ms, unit: 'ms', atMost: 50 })
      }
    }
    await client.close()
    return { columns: ['', 'memory more', 'slowest other request meanwhile'], lines, verdicts }
  }
}

interface Watched {
  mb: number
  liveMs: number
}

/** Reads the answer to its end, and asks the same server for something small over and over meanwhile. */
async function watch(server: Server, ask: () => ReturnType<typeof request>, least: number): Promise<Watched> {
  const before = server.residentMb()
  const seen = { mb: 0, liveMs: 0 }
  let isGoing = true
  const watching = (async () => {
    while (isGoing) {
      const askedAt = performance.now()
      await (await request(`${server.url}/livez`)).body.dump()
      seen.liveMs = Math.max(seen.liveMs, performance.now() - askedAt)
      seen.mb = Math.max(seen.mb, server.residentMb() - before)
      await delay(5)
    }
  })()
  const { body, statusCode } = await ask()
  let bytes = 0
  for await (const chunk of body) bytes += (chunk as Buffer).length
  isGoing = false
  await watching
  if (statusCode !== 200 || bytes < least) throw new Error(`${statusCode}, ${bytes} bytes of ${least}`)
  return seen
}
