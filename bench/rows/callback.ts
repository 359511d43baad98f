import { compare } from '../compare.ts'
import type { Asked } from '../load.ts'
import type { Bench, Row } from '../row.ts'
import { visit } from '../visit.ts'

/** A session holds 50 open flows at most. */
const flowsPerVisitor = 40

export const callback: Row = {
  name: 'callback',
  title: 'Callback of a connect: code exchanged, id_token verified, tokens sealed and stored',
  async run(bench) {
    const visits = await Promise.all(Array.from({ length: bench.isQuick ? 4 : 8 }, () => visit(bench)))
    const own: Asked[] = []
    const floors: Asked[] = []
    const isConnected = ({ status, text }: { status: number; text: string }) =>
      status === 200 && text.includes('"message":"token receive"')
    const finding = await compare(bench, {
      callers: 8,
      contenders: [
        {
          name: 'guichet',
          server: bench.guichet,
          ask: () => own.shift(),
          isRight: isConnected,
          async prepare() {
            own.length = 0
            // Another user each time: callbacks of one connection at once would get into each other's way.
            for (let flow = 0; flow < flowsPerVisitor; flow++) {
              for (const { visitor, client } of visits) {
                const path = await visitor.authorize(client, '/connect/gmail')
                own.push({ path, headers: { cookie: visitor.cookie() } })
              }
            }
          }
        },
        {
          name: 'floor',
          server: bench.floor,
          ask: () => floors.shift(),
          isRight: isConnected,
          async prepare() {
            floors.length = 0
            for (const { visitor } of visits) {
              for (let flow = 0; flow < flowsPerVisitor; flow++) floors.push(await authorizeFloor(bench, visitor.sub))
            }
          }
        }
      ],
      bars: [{ to: 'floor', figure: 'cpuUs', atMost: 1.35 }]
    })
    await Promise.all(visits.map(({ client }) => client.close()))
    return finding
  }
}

async function authorizeFloor({ floor, world }: Bench, sub: string): Promise<Asked> {
  const { url } = (await (await fetch(`${floor.url}/connect`)).json()) as { url: string }
  return { path: `/callback${new URL(world.google.consent(url, { as: sub })).search}` }
}
