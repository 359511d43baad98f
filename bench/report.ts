import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { root } from './process.ts'
import { type Finding, isMet, type Row, type Verdict } from './row.ts'

export interface Section {
  row: Row
  finding: Finding
}

/** Writes docs/bench.md and its chart from one run. */
export function publish(sections: Section[], run: { command: string; database: string; minutes: number }): void {
  const git = (...words: string[]) => execFileSync('git', words, { cwd: root, encoding: 'utf8' }).trim()
  const [cpu] = cpus()
  const chart = sections.find(({ finding }) => finding.chart)?.finding.chart
  if (chart) writeFileSync(join(root, 'docs/bench-growth.svg'), toSvg(chart))
  const text = [
    '# How fast it is',
    '',
    `Every figure stands beside its baselines, measured in the same run: real processes, real sockets, rounds in turn, medians of the ratios of each round (in brackets the middle half of the rounds). Every answer was checked, status and body. CPU is the server process's own, user and system time by the requests answered: it hardly moves with what else the machine does, and the bars are about it. The floor is bare Fastify with the same database work, the same cryptography and the same calls to Google, and no check, log, audit line, limit or schema.`,
    '',
    '```',
    run.command,
    '```',
    '',
    `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC · commit ${git('rev-parse', '--short', 'HEAD')} · Node ${process.versions.node} · ${cpus().length} cores (${cpu?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB · database: ${run.database}, on the same machine · ${run.minutes.toFixed(0)} minutes · load of the machine at the end: ${loadavg()[0]?.toFixed(1)}`,
    '',
    '## In short',
    '',
    ...sections.flatMap(({ row, finding }) =>
      finding.verdicts.slice(0, 1).map(first => `- ${row.title}: ${toText(first)}`)
    ),
    '',
    ...sections.flatMap(toSection),
    readFileSync(join(root, 'bench/notes.md'), 'utf8')
  ].join('\n')
  writeFileSync(join(root, 'docs/bench.md'), `${text.trimEnd()}\n`)
}

export function toSection({ row, finding: { columns, lines, verdicts, notes = [], chart } }: Section): string[] {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  return [
    `## ${row.title}`,
    '',
    ...(columns.length > 0 ? [line(columns), line(columns.map(() => '---')), ...lines.map(line), ''] : []),
    ...verdicts.map(verdict => `- ${toText(verdict)}`),
    ...(verdicts.length > 0 ? [''] : []),
    ...notes.flatMap(note => [note, '']),
    ...(chart ? [`![${chart.y} over ${chart.x}](bench-growth.svg)`, ''] : [])
  ]
}

function toText(verdict: Verdict): string {
  const { what, value, unit, atMost, atLeast } = verdict
  const number = (one: number) => one.toFixed(unit === '×' ? 2 : 1)
  const bar = atMost ?? atLeast
  const held =
    bar === undefined
      ? ''
      : ` · bar ${atMost === undefined ? '≥' : '≤'} ${bar}: **${isMet(verdict) ? 'met' : 'missed'}**`
  return `${what}: ${number(value.median)} ${unit} (${number(value.low)} to ${number(value.high)})${held}`
}

/** A line over a logarithmic axis, from zero: what is flat looks flat. */
function toSvg({ x, y, points }: NonNullable<Finding['chart']>): string {
  const [width, height, left, bottom] = [640, 320, 60, 50]
  const logs = points.map(([at]) => Math.log10(at))
  const [least, most] = [Math.min(...logs), Math.max(...logs)]
  const top = Math.max(...points.map(([, value]) => value)) * 1.3
  const toX = (at: number) => left + ((Math.log10(at) - least) / (most - least || 1)) * (width - left - 40)
  const toY = (value: number) => height - bottom - (value / top) * (height - bottom - 20)
  const dots = points.map(
    ([at, value]) => `  <circle cx="${toX(at).toFixed(1)}" cy="${toY(value).toFixed(1)}" r="4" fill="#2563eb"/>
  <text x="${toX(at).toFixed(1)}" y="${(toY(value) - 10).toFixed(1)}" text-anchor="middle">${value.toFixed(2)}</text>
  <text x="${toX(at).toFixed(1)}" y="${height - bottom + 18}" text-anchor="middle">${at.toLocaleString('en-US').replaceAll(',', ' ')}</text>`
  )
  const path = points.map(([at, value]) => `${toX(at).toFixed(1)},${toY(value).toFixed(1)}`).join(' ')
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" font-family="system-ui, sans-serif" font-size="13">
  <title>${y} over ${x}</title>
  <rect width="${width}" height="${height}" fill="#ffffff"/>
  <path d="M${left} 20V${height - bottom}H${width - 20}" fill="none" stroke="#6b7280"/>
  <polyline points="${path}" fill="none" stroke="#2563eb" stroke-width="2"/>
${dots.join('\n')}
  <text x="${width / 2}" y="${height - 10}" text-anchor="middle">${x}</text>
  <text x="16" y="${height / 2}" text-anchor="middle" transform="rotate(-90 16 ${height / 2})">${y}</text>
</svg>
`
}
