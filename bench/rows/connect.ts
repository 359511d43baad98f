import { compare } from '../compare.ts'
import { startPeers } from '../peers.ts'
import type { Row } from '../row.ts'
import { visitMany } from '../visit.ts'

const users = 50

export const connect: Row = {
  name: 'connect',
  title: '`GET /connect/gmail`, signed in',
  async run(bench) {
    // Another user's session each time: simultaneous reads of the same one become one read.
    const cookies = (await visitMany(bench, users)).map(({ visitor }) => visitor.cookie())
    let asked = 0
    const peers = await startPeers(bench.world.environment)
    const isStart = ({ status, text }: { status: number; text: string }) =>
      status === 200 && text.includes('code_challenge_method=S256') && text.includes('expiresAt')
    try {
      return await compare(bench, {
        callers: 16,
        contenders: [
          {
            name: 'guichet',
            server: bench.guichet,
            ask: () => ({ path: '/connect/gmail', headers: { cookie: cookies[asked++ % users] as string } }),
            isRight: isStart
          },
          { name: 'floor', server: bench.floor, ask: () => ({ path: '/connect' }), isRight: isStart },
          ...peers.contenders
        ],
        bars: [
          { to: 'floor', figure: 'cpuUs', atMost: 1.35 },
          { to: 'Express, express-session, googleapis', figure: 'cpuUs', atMost: 1 },
          { to: 'Express, express-session, googleapis', figure: 'perSecond', atLeast: 1 },
          { to: 'Grant on Fastify', figure: 'cpuUs' }
        ]
      })
    } finally {
      await peers.close()
    }
  }
}
