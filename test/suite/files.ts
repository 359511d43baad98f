import { globSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'

const root = join(import.meta.dirname, '../..')

/** Which tests each suite runs: few processes, about as long as each other. */
export const suites = {
  // Tests that mostly wait for a real lease, budget or time-out to end: they run beside the other suites.
  'all-that-waits': [
    'test/connections/refresh/killed-holder.test.ts',
    'test/database/outage.test.ts',
    'test/database/slow-indexes.test.ts',
    'test/http/stopping-hung.test.ts',
    'test/http/stopping.test.ts'
  ],
  browsers: ['test/browser/*.test.ts', 'test/demo.browser.test.ts'],
  connections: ['test/connections/**/*.test.ts'],
  database: ['test/{backend,background,commands,config,database,vault}/**/*.test.ts'],
  flows: ['test/{events,flows,google,observability}/**/*.test.ts'],
  http: ['test/{accounts,http}/**/*.test.ts'],
  services: ['test/services/**/*.test.ts'],
  whole: ['test/*.test.ts', 'test/{judges,layout,startup}/**/*.test.ts', 'packages/*/test/**/*.test.ts']
}

/** The files of a suite that no suite before it has, from the root and in order. */
export function filesOf(suite: keyof typeof suites): string[] {
  const names = Object.keys(suites) as (keyof typeof suites)[]
  const before = new Set(names.slice(0, names.indexOf(suite)).flatMap(name => globSync(suites[name], { cwd: root })))
  return globSync(suites[suite], { cwd: root })
    .filter(file => !before.has(file))
    .sort()
}

/**
 * Runs the files of a suite in this one process, one after the other: starting a process and loading the app takes
 * longer than most files do. Each file still runs alone: `node test/journey.test.ts`.
 */
export async function runSuite(suite: keyof typeof suites): Promise<void> {
  for (const file of filesOf(suite)) {
    t.comment(file)
    await import(pathToFileURL(join(root, file)).href)
  }
}
