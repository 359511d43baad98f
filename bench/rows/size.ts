import { spawnSync } from 'node:child_process'
import { cpSync, globSync, lstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../process.ts'
import type { Row } from '../row.ts'
import { spreadOf } from '../statistics.ts'

/** A production install as the Dockerfile makes one: its own lines run here. */
export const size: Row = {
  name: 'size',
  title: 'A production install on disk',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'guichet-size-'))
    try {
      for (const name of ['package.json', 'package-lock.json', 'dist'])
        cpSync(join(root, name), join(folder, name), { recursive: true })
      const lines = [
        ...readFileSync(join(root, 'Dockerfile'), 'utf8').matchAll(/^RUN (npm ci --omit=dev|find node_modules.*)$/gm)
      ]
      for (const [, line = ''] of lines) {
        const { status } = spawnSync('sh', ['-c', line], { cwd: folder, stdio: 'ignore' })
        if (status !== 0) throw new Error(`failed: ${line}`)
      }
      const bytes = globSync('**/*', { cwd: folder }).reduce((sum, file) => {
        const stats = lstatSync(join(folder, file))
        return sum + (stats.isFile() ? stats.size : 0)
      }, 0)
      const mb = bytes / 1e6
      return {
        columns: ['', 'size'],
        lines: [['packages and dist/', `${mb.toFixed(0)} MB`]],
        verdicts: [{ what: 'size on disk', value: spreadOf([mb]), unit: 'MB', atMost: 80 }]
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
