import { parseArgs } from 'node:util'
import type { Figure } from './figure.ts'
import { describe, isGood, publish } from './report.ts'

/** Each is loaded only when it runs. */
const figures: Record<string, () => Promise<Figure>> = {
  storm: async () => (await import('./storm.ts')).storm,
  isolation: async () => (await import('./isolation.ts')).isolation,
  replay: async () => (await import('./replay.ts')).replay,
  kill: async () => (await import('./kill.ts')).kill,
  reseal: async () => (await import('./reseal.ts')).reseal,
  send: async () => (await import('./send.ts')).send,
  quota: async () => (await import('./quota.ts')).quota,
  news: async () => (await import('./news.ts')).news,
  corpora: async () => (await import('./corpora.ts')).corporaFigure,
  streams: async () => (await import('./streams.ts')).streams,
  guards: async () => (await import('./guards.ts')).guardFigure
}

const usage = `Usage: npm run figures -- ${Object.keys(figures).join('|')} [--size N] [--seed S] [--small] [--date YYYY-MM-DD]

Runs one experiment and prints its verdict; the exit code is 0 if it holds. Without --small and --size it runs at full
size; whatever is not --small is written to docs/figures.md.
`

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string' },
    seed: { type: 'string', default: 'guichet' },
    small: { type: 'boolean', default: false },
    date: { type: 'string', default: new Date().toISOString().slice(0, 10) }
  }
})
const load = figures[positionals[0] ?? '']
const isWhole = values.size === undefined || /^[1-9]\d{0,8}$/.test(values.size)
if (!load || positionals.length !== 1 || !isWhole || !/^\d{4}-\d\d-\d\d$/.test(values.date)) {
  process.stderr.write(usage)
  process.exit(2)
}

const figure = await load()
const { seed, small, date } = values
const size = values.size === undefined ? (small ? figure.small : figure.full) : Number(values.size)
const startedAtMs = performance.now()
const finding = await figure.run({
  seed,
  size,
  small,
  progress: text => process.stderr.write(process.stderr.isTTY ? `\r\u001b[K${text}` : `${text}\n`)
})
const seconds = Math.round((performance.now() - startedAtMs) / 1000)
const run = { figure, finding, seed, size, seconds, date }
process.stdout.write(`\n${describe(run)}`)
if (!small) publish(run)
// Sockets and timers that are still about must not hold the verdict back.
process.exit(isGood(finding) ? 0 : 1)
