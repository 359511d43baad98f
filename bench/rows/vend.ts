import { compare } from '../compare.ts'
import type { Row } from '../row.ts'
import { visit } from '../visit.ts'

export const vend: Row = {
  name: 'vend',
  title: 'Vend, token fresh',
  async run(bench) {
    const { client, connection } = await visit(bench)
    await client.close()
    const path = `/v1/connections/${connection}/token`
    const isToken = ({ status, text }: { status: number; text: string }) =>
      status === 200 && text.startsWith('{"access_token":"ya29.') && text.includes('"expires_in":')
    return compare(bench, {
      callers: 16,
      contenders: [
        {
          name: 'guichet',
          server: bench.guichet,
          ask: () => ({ path, method: 'POST', headers: bench.world.backend }),
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
