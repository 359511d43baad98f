import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '../..')
const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome')

/** The files among these that the project's own lint rules call part of an import circle. */
async function circlesIn(project: string, sources: Record<string, string>): Promise<string[]> {
  cpSync(join(root, 'biome.json'), join(project, 'biome.json'))
  for (const [name, source] of Object.entries(sources)) {
    mkdirSync(dirname(join(project, name)), { recursive: true })
    writeFileSync(join(project, name), source)
  }
  const words = [biome, 'lint', '--only=suspicious/noImportCycles', '--vcs-enabled=false', '--colors=off', '.']
  const output = await new Promise<string>(resolve => {
    execFile(process.execPath, words, { cwd: project }, (_error, stdout, stderr) => resolve(stdout + stderr))
  })
  return [...output.matchAll(/^(\S+\.ts):\d+:\d+ lint\/suspicious\/noImportCycles/gm)]
    .map(([, file = '']) => file)
    .sort()
}

t.test('circles › two files import each other, even only types › lint refuses both', async t => {
  const project = t.testdir()
  const found = await circlesIn(project, {
    'src/flows/flows.ts':
      "import type { Change } from '../events/change.ts'\nexport interface Flow { change: Change }\n",
    'src/events/change.ts': "import type { Flow } from '../flows/flows.ts'\nexport interface Change { flow: Flow }\n",
    'src/clock.ts': 'export const now = 1\n',
    'src/app.ts': "export { now } from './clock.ts'\n"
  })
  t.same([...new Set(found)], ['src/events/change.ts', 'src/flows/flows.ts'])
})
