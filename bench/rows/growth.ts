import { fillVault } from '../../experiments/filler.ts'
import { createRandom } from '../../experiments/random.ts'
import { parseKeyRing } from '../../src/config/key-ring.ts'
import { hashSecret } from '../../src/secrets.ts'
import { createVault } from '../../src/vault/vault.ts'
import { type Asked, type Contender, load, type Measured } from '../load.ts'
import { type Server, startServer } from '../process.ts'
import type { Bench, Finding, Row } from '../row.ts'
import { median, spreadOf } from '../statistics.ts'
import { visitMany } from '../visit.ts'

interface Step {
  size: number
  callers: number
  /** Sets up the step's size, and returns the request to measure. */
  prepare(): Promise<() => Asked>
}

const isOk = ({ status }: { status: number }) => status === 200

/** The same request at each size; the last median over the first is held against the bar. */
async function grow(
  { guichet, isQuick, progress }: Bench,
  { what, steps, atMost, isDrawn = false }: { what: string; steps: Step[]; atMost?: number; isDrawn?: boolean }
): Promise<Finding> {
  const points: { size: number; measured: Measured[] }[] = []
  for (const { size, callers, prepare } of steps) {
    const contender: Contender = { name: `${size} ${what}`, server: guichet, ask: await prepare(), isRight: isOk }
    const measured: Measured[] = []
    for (let round = 0; round <= (isQuick ? 3 : 9); round++) measured.push(await load(contender, callers, 1_500))
    points.push({ size, measured: measured.slice(1) })
    progress(contender.name)
  }
  const [first, last] = [points[0], points.at(-1)]
  const p50 = (one: typeof first) => (one?.measured ?? []).map(({ p50Ms }) => p50Ms)
  return {
    columns: [what, 'requests a second', 'median', 'p99', 'CPU a request'],
    lines: points.map(({ size, measured }) => [
      size,
      Math.round(median(measured.map(one => one.perSecond))),
      `${median(measured.map(one => one.p50Ms)).toFixed(2)} ms`,
      `${median(measured.map(one => one.p99Ms)).toFixed(1)} ms`,
      `${Math.round(median(measured.map(one => one.cpuUs)))} µs`
    ]),
    verdicts:
      atMost === undefined
        ? []
        : [
            {
              what: `median latency at ${last?.size} ÷ at ${first?.size}`,
              value: spreadOf(p50(last).map(value => value / median(p50(first)))),
              unit: '×',
              atMost
            }
          ],
    ...(isDrawn && {
      chart: {
        x: what,
        y: 'median of a request, ms',
        points: points.map(({ size, measured }) => [size, median(measured.map(one => one.p50Ms))])
      }
    })
  }
}

/** The same vend over ever more connections, each time another of them. */
export const growth: Row = {
  name: 'growth',
  title: 'Vend over ever more connections',
  async run(bench) {
    const { world, database, isQuick } = bench
    const sizes = isQuick ? [1_000, 10_000] : [1_000, 10_000, 100_000, ...(database.takesAMillion ? [1_000_000] : [])]
    const vault = createVault(parseKeyRing(world.environment.VAULT_KEYS ?? ''))
    const random = createRandom('growth')
    const ids: string[] = []
    const steps = sizes.map(size => ({
      size,
      callers: 4,
      async prepare() {
        const filled = await fillVault(world, { vault, connections: size - ids.length, flows: 0, random })
        ids.push(...filled.keys())
        return () => vendOf(bench, random.pick(ids))
      }
    }))
    return grow(bench, { what: 'connections stored', steps, atMost: 1.3, isDrawn: true })
  }
}

/** Who am I, over ever more sessions, each time another of them. */
export const sessions: Row = {
  name: 'sessions',
  title: '`GET /auth/session` over ever more sessions',
  async run(bench) {
    const { world, isQuick } = bench
    const cookies = (await visitMany(bench, 2)).map(({ visitor }) => visitor.cookie())
    const template = await world.collections.sessions.findOne({ userId: { $ne: null } })
    if (!template) throw new Error('nobody is signed in')
    let stored = cookies.length
    let turn = 0
    const steps = (isQuick ? [1_000, 10_000] : [1_000, 10_000, 100_000]).map(size => ({
      size,
      callers: 4,
      async prepare() {
        for (; stored < size; stored += 500) {
          const rows = Array.from({ length: 500 }, (_, n) => ({
            ...template,
            _id: hashSecret(`session ${stored + n}`)
          }))
          await world.collections.sessions.insertMany(rows)
        }
        return () => ({ path: '/auth/session', headers: { cookie: cookies[turn++ % cookies.length] as string } })
      }
    }))
    return grow(bench, { what: 'sessions stored', steps, atMost: 1.3 })
  }
}

/** Vends of fifty users by ever more callers at once. */
export const callers: Row = {
  name: 'callers',
  title: 'Vend by ever more callers at once',
  async run(bench) {
    const connections = (await visitMany(bench, 50)).map(({ connection }) => connection)
    let turn = 0
    const steps = [1, 10, 100, 1_000].map(size => ({
      size,
      callers: size,
      prepare: async () => () => vendOf(bench, connections[turn++ % connections.length] as string)
    }))
    return grow(bench, { what: 'callers at once', steps })
  }
}

/** The same vends spread over ever more replicas, which here share the processors with the database and the callers. */
export const replicas: Row = {
  name: 'replicas',
  title: 'Vend at ever more replicas, 16 callers each',
  async run(bench) {
    const { world, guichet, isQuick, progress } = bench
    const connections = (await visitMany(bench, 50)).map(({ connection }) => connection)
    const others: Server[] = []
    let turn = 0
    const ask = () => vendOf(bench, connections[turn++ % connections.length] as string)
    const lines: (string | number)[][] = []
    try {
      for (const count of [1, 2, 4]) {
        while (others.length < count - 1) others.push(await startServer('dist/src/server.js', world.environment))
        const servers = [guichet, ...others]
        const rounds: Measured[][] = []
        for (let round = 0; round <= (isQuick ? 2 : 5); round++) {
          const all = servers.map(server => load({ name: 'a replica', server, ask, isRight: isOk }, 16, 2_000))
          rounds.push(await Promise.all(all))
        }
        const counted = rounds.slice(1)
        lines.push([
          count,
          Math.round(median(counted.map(one => one.reduce((sum, { perSecond }) => sum + perSecond, 0)))),
          `${Math.round(median(counted.flat().map(({ cpuUs }) => cpuUs)))} µs`
        ])
        progress(`${count} replicas`)
      }
    } finally {
      await Promise.all(others.map(other => other.kill()))
    }
    return { columns: ['replicas', 'requests a second', 'CPU a request'], lines, verdicts: [] }
  }
}

function vendOf({ world }: Bench, connection: string): Asked {
  return { path: `/v1/connections/${connection}/token`, method: 'POST', headers: world.backend }
}
