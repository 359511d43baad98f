import { compare } from '../compare.ts'
import type { Row } from '../row.ts'
import { visitMany } from '../visit.ts'

const users = 50

export const vend: Row = {
  name: 'vend',
  title: 'Vend, token fresh',
  async run(bench) {
    // Another user's connection each time: simultaneous reads of the same one become one read.
    const paths = (await visitMany(bench, users)).map(({ connection }) => `/v1/connections/${connection}/token`)
    let asked = 0
    const isToken = ({ status, text }: { status: number; text: string }) =>
      status === 200 && text.startsWith('{"access_token":"ya29.') && text.includes('"expires_in":')
    return compare(bench, {
      callers: 16,
      contenders: [
        {
          name: 'guichet',
          server: bench.guichet,
          ask: () => ({ path: paths[asked++ % users] as string, method: 'POST', headers: bench.world.backend }),
          isRight: isToken
        },
        { name: 'floor', server: bench.floor, ask: () => ({ path: '/vend', method: 'POST' }), isRight: isToken }
      ],
      bars: [
        { to: 'floor', figure: 'cpuUs', atMost: 1.3 },
        { to: 'floor', figure: 'p99Ms', atMost: 1.5 }
      ]
    })
  }
}
