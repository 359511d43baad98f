import { parseArgs } from 'node:util'
import { createWorld } from '../experiments/world.ts'
import { openDatabase } from './database.ts'
import { startServer } from './process.ts'
import { publish, type Section, toSection } from './report.ts'
import { type Bench, isMet, type Row } from './row.ts'
import { callback } from './rows/callback.ts'
import { connect } from './rows/connect.ts'
import { expired } from './rows/expired.ts'
import { generator } from './rows/generator.ts'
import { list, message } from './rows/gmail.ts'
import { callers, growth, replicas, sessions } from './rows/growth.ts'
import { large } from './rows/large.ts'
import { memory } from './rows/memory.ts'
import { size } from './rows/size.ts'
import { start } from './rows/start.ts'
import { vend } from './rows/vend.ts'

/*
 * How fast guichet is, beside what bounds it and beside its peers: `npm run bench`, all of it in twenty minutes,
 * `npm run bench -- --quick` in two, `npm run bench -- vend connect` some rows. A run of every row writes docs/bench.md.
 * With `--profile DIR` guichet leaves a CPU profile there; `-- memory --minutes 10` loads it for so long.
 */
const rows: Row[] = [
  generator,
  connect,
  vend,
  expired,
  callback,
  list,
  message,
  large,
  callers,
  replicas,
  // From here on the database is large: the stand-in has no index for ranges, and each replica asks each second what is due.
  growth,
  sessions,
  memory,
  start,
  size
]

const { values, positionals } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    profile: { type: 'string' },
    minutes: { type: 'string' }
  },
  allowPositionals: true
})
const unknown = positionals.filter(name => !rows.some(row => row.name === name))
if (unknown.length > 0) throw new Error(`no such row: ${unknown}; there are ${rows.map(({ name }) => name).join(', ')}`)
const wanted = positionals.length === 0 ? rows : rows.filter(({ name }) => positionals.includes(name))

const startedAt = performance.now()
const database = await openDatabase()
process.env.MONGODB_URI = database.uri
// All that a production server does for each request is done here: the log, the audit lines, both limits.
const world = await createWorld({ LOG_LEVEL: 'info', RATE_LIMIT_STARTS: '1000000', RATE_LIMIT_KEY: '100000000' })
Object.assign(world.google.usage.limits, { unitsPerUser: 100_000_000, unitsPerProject: 100_000_000 })
const environment = {
  ...world.environment,
  GMAIL_UNITS_PER_USER: '100000000',
  GMAIL_UNITS_PER_PROJECT: '100000000'
}
const profiling = values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : []
const sections: Section[] = []
const command = `npm run bench${values.quick ? ' -- --quick' : ''}`

/** Each row has servers of its own: what one leaves in them does not weigh on the next. */
async function run(row: Row): Promise<void> {
  const guichet = await startServer('dist/src/server.js', environment, profiling)
  const floor = await startServer('bench/servers/floor.ts', environment)
  const progress = (text: string) => process.stderr.write(`${row.name}: ${text}\n`)
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes)
  const bench: Bench = { world, database, isQuick: values.quick, minutes, guichet, floor, progress }
  try {
    // A row that fails is shown as failed: the others are still measured.
    const failed = (error: Error) => ({ columns: [], lines: [], verdicts: [], notes: [`FAILED: ${error.message}`] })
    const section = { row, finding: await row.run(bench).catch(failed) }
    sections.push(section)
    process.stdout.write(`${toSection(section).join('\n')}\n`)
    const minutes = (performance.now() - startedAt) / 60_000
    if (positionals.length === 0) publish(sections, { command, database: database.name, minutes })
  } finally {
    await Promise.all([guichet.kill(), floor.kill()])
  }
}

try {
  for (const row of wanted) await run(row)
} finally {
  await world.close()
}
const bars = sections
  .flatMap(({ finding }) => finding.verdicts)
  .filter(({ atMost, atLeast }) => (atMost ?? atLeast) !== undefined)
process.stdout.write(`${bars.filter(bar => !isMet(bar)).length} bars missed of ${bars.length}\n`)
process.exit(0)
