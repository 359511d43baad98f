import { fillVault } from '../../experiments/filler.ts'
import { createRandom } from '../../experiments/random.ts'
import { parseKeyRing } from '../../src/config/key-ring.ts'
import { createVault } from '../../src/vault/vault.ts'
import { load, type Measured } from '../load.ts'
import type { Row } from '../row.ts'
import { median, spreadOf } from '../statistics.ts'

/** The same vend over ever more connections, each time another of them. */
export const growth: Row = {
  name: 'growth',
  title: 'Vend over ever more connections',
  async run({ world, database, guichet, isQuick, progress }) {
    const sizes = isQuick ? [1_000, 10_000] : [1_000, 10_000, 100_000, ...(database.isStandIn ? [] : [1_000_000])]
    const vault = createVault(parseKeyRing(world.environment.VAULT_KEYS ?? ''))
    const random = createRandom('growth')
    const ids: string[] = []
    const points: { size: number; measured: Measured[] }[] = []
    for (const size of sizes) {
      const filled = await fillVault(world, { vault, connections: size - ids.length, flows: 0, random })
      ids.push(...filled.keys())
      const contender = {
        name: `${size} connections`,
        server: guichet,
        ask: () => ({
          path: `/v1/connections/${random.pick(ids)}/token`,
          method: 'POST' as const,
          headers: world.backend
        }),
        isRight: ({ status, text }: { status: number; text: string }) => status === 200 && text.includes('"ya29.')
      }
      const measured: Measured[] = []
      for (let round = 0; round <= (isQuick ? 3 : 9); round++) measured.push(await load(contender, 4, 1_500))
      points.push({ size, measured: measured.slice(1) })
      progress(contender.name)
    }
    const [first] = points
    const last = points.at(-1)
    const p50 = (one: typeof first) => (one?.measured ?? []).map(({ p50Ms }) => p50Ms)
    return {
      columns: ['connections stored', 'median', 'p99', 'CPU a request'],
      lines: points.map(({ size, measured }) => [
        size,
        `${median(measured.map(one => one.p50Ms)).toFixed(2)} ms`,
        `${median(measured.map(one => one.p99Ms)).toFixed(1)} ms`,
        `${Math.round(median(measured.map(one => one.cpuUs)))} µs`
      ]),
      verdicts: [
        {
          what: `median latency at ${last?.size} ÷ at ${first?.size}`,
          value: spreadOf(p50(last).map(value => value / median(p50(first)))),
          unit: '×',
          atMost: 1.3
        }
      ],
      chart: {
        x: 'connections stored',
        y: 'median of a vend, ms',
        points: points.map(({ size, measured }) => [size, median(measured.map(one => one.p50Ms))])
      }
    }
  }
}
