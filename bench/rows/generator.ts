import { compare } from '../compare.ts'
import { startServer } from '../process.ts'
import type { Row } from '../row.ts'

/** What the load generator can ask for at most: of a server that does nothing. Every other row stays far below. */
export const generator: Row = {
  name: 'generator',
  title: 'The load generator against a server that does nothing',
  async run(bench) {
    const server = await startServer('bench/servers/nothing.ts', {})
    try {
      return await compare(bench, {
        callers: 16,
        contenders: [
          {
            name: 'node:http',
            server,
            ask: () => ({ path: '/' }),
            isRight: ({ status, text }) => status === 200 && text === '{}'
          }
        ],
        bars: []
      })
    } finally {
      await server.kill()
    }
  }
}
