import { globSync } from 'node:fs'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'

const root = join(import.meta.dirname, '../..')

/** Tests that mostly wait for a real lease, budget or time-out to end: they run beside the other suites. */
export const waiting = [
  'test/connections/refresh/killed-holder.test.ts',
  'test/database/outage.test.ts',
  'test/database/slow-indexes.test.ts',
  'test/http/stopping-hung.test.ts',
  'test/http/stopping.test.ts'
]

/**
 * Runs the tests of those files in this one process, one after the other: starting a process and loading the app takes
 * longer than most files do. Each file still runs alone: `node test/journey.test.ts`.
 */
export async function runFiles(...patterns: string[]): Promise<void> {
  const files = globSync(patterns, { cwd: root })
    .filter(file => patterns.includes(file) || !waiting.includes(file))
    .sort()
  if (files.length === 0) throw new Error(`no file is named ${patterns.join(', ')}`)
  for (const file of files) {
    t.comment(relative(root, join(root, file)))
    await import(pathToFileURL(join(root, file)).href)
  }
}
