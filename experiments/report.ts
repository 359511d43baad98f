import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import type { Figure, Finding } from './figure.ts'

export interface Run {
  figure: Figure
  finding: Finding
  seed: string
  size: number
  seconds: number
  date: string
}

const file = join(import.meta.dirname, '../docs/figures.md')
const head = `# Figures

What was tried at full size, and how it went. Each section is written by the command that stands in it, from the run
that it tells of; the experiments are in \`experiments\`. A zero out of n tries bounds the true rate at 3/n (95 %).
`

export const isGood = ({ faults }: Finding) => faults.length === 0

/** What was run, where it comes out of git: the last commit, and whether something was changed since. */
function commit(): string {
  const git = (...words: string[]) =>
    execFileSync('git', words, { cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    const isChanged = git('status', '--porcelain', '--', '..', ':!../docs').trim() !== ''
    return ` · commit ${git('rev-parse', '--short', 'HEAD').trim()}${isChanged ? ', changed' : ''}`
  } catch {
    return ''
  }
}

/** The run in words, as it is printed and published. */
export function describe({ figure, finding, seed, size, seconds, date }: Run): string {
  return [
    `## ${figure.title}`,
    '',
    `Bar: ${figure.bar}.`,
    '',
    ...finding.lines.map(line => `- ${line}`),
    ...finding.faults.map(fault => `- FAULT: ${fault}`),
    '',
    `**${isGood(finding) ? 'Held' : 'BROKEN'}** · ${date}${commit()} · seed \`${seed}\` · ${size} ${figure.unit} · ${seconds} s on ${availableParallelism()} cores, Node ${process.versions.node}`,
    '',
    '```',
    `npm run figures -- ${figure.name} --size ${size} --seed ${seed}`,
    '```',
    ''
  ].join('\n')
}

/** Puts the run's section in the place of the figure's earlier one, or at the end. */
export function publish(run: Run): void {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : head
  const [preface = head, ...sections] = text.split(/^(?=## )/m)
  const isOwn = (section: string) => section.startsWith(`## ${run.figure.title}\n`)
  const at = sections.findIndex(isOwn)
  const section = describe(run)
  if (at < 0) sections.push(section)
  else sections[at] = section
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, [preface.trimEnd(), ...sections.map(each => each.trimEnd())].join('\n\n').concat('\n'))
}
