import { type Contender, load, type Measured } from './load.ts'
import type { Bench, Finding, Verdict } from './row.ts'
import { median, spreadOf } from './statistics.ts'

/** The figures of guichet over another's, round by round: both were measured within seconds of each other. */
interface Bar {
  to: string
  figure: 'cpuUs' | 'perSecond' | 'p50Ms' | 'p99Ms'
  atMost?: number
  atLeast?: number
}

const figures = { cpuUs: 'CPU', perSecond: 'throughput', p50Ms: 'median latency', p99Ms: 'p99' }

/** Measures them in turn, round after round; the first of them is guichet. A first round warms up and does not count. */
export async function compare(
  { isQuick, progress }: Bench,
  options: { contenders: Contender[]; callers: number; bars: Bar[] }
): Promise<Finding> {
  const { contenders, callers, bars } = options
  const rounds = isQuick ? 3 : 9
  const ms = isQuick ? 1_500 : 4_000
  const measured = new Map(contenders.map(({ name }) => [name, [] as Measured[]]))
  for (let round = 0; round <= rounds; round++) {
    // The next round begins with the next one, so that none is always first.
    for (const index of contenders.keys()) {
      const contender = contenders[(index + round) % contenders.length] as Contender
      const one = await load(contender, callers, round === 0 ? Math.max(ms, 2_500) : ms)
      if (round > 0) measured.get(contender.name)?.push(one)
    }
    progress(`round ${round} of ${rounds}`)
  }
  const of = (name: string, figure: keyof Measured) => (measured.get(name) ?? []).map(one => one[figure])
  const [own] = contenders as [Contender]
  return {
    columns: ['', 'CPU a request', 'requests a second', 'median', 'p99', 'load generator busy'],
    lines: contenders.map(({ name }) => [
      name,
      `${Math.round(median(of(name, 'cpuUs')))} µs`,
      Math.round(median(of(name, 'perSecond'))),
      `${median(of(name, 'p50Ms')).toFixed(1)} ms`,
      `${median(of(name, 'p99Ms')).toFixed(1)} ms`,
      `${Math.round(median(of(name, 'generator')) * 100)} %`
    ]),
    verdicts: bars.map(({ to, figure, ...bar }): Verdict => {
      const others = of(to, figure)
      const ratios = of(own.name, figure).map((value, round) => value / (others[round] ?? Number.NaN))
      return { what: `${figures[figure]} ÷ ${to}`, value: spreadOf(ratios), unit: '×', ...bar }
    })
  }
}
