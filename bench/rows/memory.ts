import { load } from '../load.ts'
import type { Row } from '../row.ts'
import { spreadOf } from '../statistics.ts'
import { visit } from '../visit.ts'

/** Whether what is left behind grows with the requests that were served. */
export const memory: Row = {
  name: 'memory',
  title: 'Resident memory under load',
  async run(bench) {
    const { world, guichet, isQuick, progress } = bench
    const { client, connection } = await visit(bench)
    await client.close()
    // What is compiled and pooled in the first requests is not growth.
    const [warm, total] = isQuick ? [20_000, 30_000] : [20_000, 120_000]
    let asked = 0
    const upTo = (limit: number) => ({
      name: 'guichet',
      server: guichet,
      ask: () =>
        asked++ < limit
          ? { path: `/v1/connections/${connection}/token`, method: 'POST' as const, headers: world.backend }
          : undefined,
      isRight: ({ status }: { status: number }) => status === 200
    })
    await load(upTo(warm), 16, 600_000)
    const before = guichet.residentMb()
    const lines: [string, string][] = [[`after ${warm} requests`, `${before.toFixed(0)} MB`]]
    const growths: number[] = []
    for (let part = 1; part <= 5; part++) {
      const limit = warm + (part * (total - warm)) / 5
      asked = Math.min(asked, limit)
      await load(upTo(limit), 16, 600_000)
      const mb = guichet.residentMb()
      growths.push((mb / before - 1) * 100)
      lines.push([`after ${limit} requests`, `${mb.toFixed(0)} MB`])
      progress(`${limit} requests`)
    }
    return {
      columns: ['', 'resident'],
      lines,
      verdicts: [{ what: 'growth', value: spreadOf(growths.slice(-1)), unit: '%', atMost: 10 }]
    }
  }
}
