import { globSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { filesOf, suites } from '../suite/files.ts'

const root = join(import.meta.dirname, '../..')

t.test('suites › every test file › is run by one of them', async t => {
  const files = globSync(['test/**/*.test.ts', 'packages/*/test/**/*.test.ts'], {
    cwd: root,
    exclude: ['test/suite/*', '**/node_modules/**']
  })
  const names = Object.keys(suites) as (keyof typeof suites)[]
  t.same(names.flatMap(filesOf).sort(), files.sort())
  for (const name of names) t.ok(filesOf(name).length > 0, `${name} has tests`)
  t.same(globSync('*.test.ts', { cwd: join(root, 'test/suite') }).sort(), names.map(name => `${name}.test.ts`).sort())
})
