import { request } from 'undici'
import { giveCoreOfItsOwn } from '../cores.ts'
import { startProbe } from '../probe.ts'
import { type Server, startServer } from '../process.ts'
import type { Finding, Row, Verdict } from '../row.ts'
import { spreadOf } from '../statistics.ts'
import { lendToFloor, visit } from '../visit.ts'

const MB = 1024 * 1024

/**
 * The largest that Gmail holds, read whole: what the server holds meanwhile, and how long another request waits. Google,
 * database and caller have another core than the server where there is one, and the clock is in a process of its own. In
 * turn with the server it asks one that does nothing: what the machine makes anybody wait stands beside the figure.
 */
export const large: Row = {
  name: 'large',
  title: 'An attachment of 25 MB, and a raw mail of 30 MB',
  async run(bench) {
    const { world, guichet, floor, isQuick } = bench
    const idle = await startServer('bench/servers/nothing.ts', {})
    const probe = startProbe()
    const shareCores = giveCoreOfItsOwn([guichet.pid, floor.pid], [process.pid, idle.pid, probe.pid])
    const watchBoth = (server: Server, ask: Ask, least: number) => watch({ server, idle, probe }, ask, least)
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
      await watchBoth(guichet, ask, least)
      const last = world.google.requestsTo('gmail').slice(before).at(-1)
      const headers = { 'content-type': 'application/json' }
      const body = JSON.stringify([`${last?.path}?${last?.query.replace(/^\?/, '')}`])
      const askFloor = () => request(`${floor.url}/stream`, { method: 'POST', headers, body })
      const own: Watched[] = []
      const floors: Watched[] = []
      for (let round = 0; round < (isQuick ? 2 : 9); round++) {
        own.push(await watchBoth(guichet, ask, least))
        floors.push(await watchBoth(floor, askFloor, least))
      }
      for (const [who, watched] of [
        ['guichet', own],
        ['floor', floors]
      ] as const) {
        const spread = (figure: keyof Watched) => spreadOf(watched.map(one => one[figure]))
        const [mb, ms, idleMs] = [spread('mb'), spread('liveMs'), spread('idleMs')]
        const cells = [`${mb.median.toFixed(1)} MB`, `${Math.round(ms.median)} ms`, `${Math.round(idleMs.median)} ms`]
        lines.push([`${who}, ${name}`, ...cells])
        if (who === 'floor') continue
        verdicts.push({ what: `memory more, ${name}`, value: mb, unit: 'MB', atMost: 10 })
        verdicts.push({ what: `slowest other request, ${name}`, value: ms, unit: 'ms', atMost: 50 })
      }
    }
    shareCores()
    probe.end()
    await Promise.all([client.close(), idle.kill()])
    const columns = ['', 'memory more', 'slowest other request meanwhile', 'slowest at an idle server meanwhile']
    return { columns, lines, verdicts }
  }
}

type Ask = () => ReturnType<typeof request>

interface Watched {
  mb: number
  liveMs: number
  idleMs: number
}

/** Reads the answer to its end, while the same server and an idle one are asked for something small over and over. */
async function watch(
  { server, idle, probe }: { server: Server; idle: Server; probe: ReturnType<typeof startProbe> },
  ask: Ask,
  least: number
): Promise<Watched> {
  const before = server.residentMb()
  let mb = 0
  const slowest = await probe.watch([server.url, idle.url])
  const { body, statusCode } = await ask()
  let bytes = 0
  for await (const chunk of body) {
    bytes += (chunk as Buffer).length
    mb = Math.max(mb, server.residentMb() - before)
  }
  const [liveMs = 0, idleMs = 0] = await slowest()
  if (statusCode !== 200 || bytes < least) throw new Error(`${statusCode}, ${bytes} bytes of ${least}`)
  return { mb, liveMs, idleMs }
}
