import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { root } from '../process.ts'
import type { Row } from '../row.ts'

/** Start and memory have a command of their own; its table stands here as it printed it. */
export const start: Row = {
  name: 'start',
  title: 'Start to the first 200 on /readyz, and memory then',
  async run({ isQuick }) {
    const words = [join(root, 'bench/startup.ts'), '--rounds', isQuick ? '3' : '9']
    const child = spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] })
    let text = ''
    child.stdout.on('data', chunk => {
      text += chunk
    })
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error('bench/startup.ts failed')
    const [, table = '', verdicts = ''] = /(\|[\s\S]*\|)\n\n([\s\S]*)/.exec(text) ?? []
    return {
      columns: [],
      lines: [],
      verdicts: [],
      notes: [
        table,
        ...verdicts
          .trim()
          .split('\n')
          .map(line => `- ${line.trim().replace(/\s+/g, ' ')}`)
      ]
    }
  }
}
