import { type Contender, load } from '../load.ts'
import type { Row } from '../row.ts'
import { spreadOf } from '../statistics.ts'
import { visit } from '../visit.ts'

const callers = 16
const parts = 5
const noLimitMs = 600_000

/** Whether what is left behind grows with the requests that were served. With `--minutes N` for so long, told each minute. */
export const memory: Row = {
  name: 'memory',
  title: 'Resident memory under load',
  async run(bench) {
    const { world, guichet, floor, isQuick, minutes, progress } = bench
    const atStart = [guichet.residentMb(), floor.residentMb()]
    const { client, connection } = await visit(bench)
    await client.close()
    // What is compiled and pooled in the first requests is not growth.
    const [warm, total] = isQuick ? [20_000, 30_000] : [20_000, 120_000]
    const own = createLoad({
      name: 'guichet',
      server: guichet,
      ask: () => ({ path: `/v1/connections/${connection}/token`, method: 'POST', headers: world.backend }),
      isRight: ({ status }) => status === 200
    })
    const bare = createLoad({
      name: 'floor',
      server: floor,
      ask: () => ({ path: '/vend', method: 'POST' }),
      isRight: ({ status }) => status === 200
    })
    const lines: [string, ...string[]][] = []
    const tell = (when: string, megabytes: number[]) =>
      lines.push([when, ...megabytes.map(mb => `${mb.toFixed(0)} MB`)])
    tell('at the start', atStart)
    await own.upTo(warm)
    await bare.upTo(warm)
    const before = guichet.residentMb()
    tell(`after ${warm} requests`, [before, floor.residentMb()])
    for (let part = 1; part <= (minutes ?? parts); part++) {
      if (minutes) await own.during(60_000)
      else {
        await own.upTo(warm + (part * (total - warm)) / parts)
        await bare.upTo(own.asked())
      }
      tell(`after ${own.asked()} requests`, [guichet.residentMb(), ...(minutes ? [] : [floor.residentMb()])])
      progress(`${own.asked()} requests`)
    }
    const growth = (guichet.residentMb() / before - 1) * 100
    return {
      columns: ['', 'guichet', 'floor'],
      lines,
      verdicts: [{ what: 'growth', value: spreadOf([growth]), unit: '%', atMost: 10 }]
    }
  }
}

/** A load that goes on where it stopped. */
function createLoad(contender: Contender) {
  let asked = 0
  let limit = Number.POSITIVE_INFINITY
  const counted: Contender = {
    ...contender,
    ask() {
      if (asked >= limit) return undefined
      asked++
      return contender.ask()
    }
  }
  return {
    asked: () => asked,
    async upTo(count: number) {
      limit = count
      await load(counted, callers, noLimitMs)
    },
    async during(ms: number) {
      limit = Number.POSITIVE_INFINITY
      await load(counted, callers, ms)
    }
  }
}
