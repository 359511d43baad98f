import { setTimeout as delay } from 'node:timers/promises'
import { ObjectId } from 'mongodb'
import { type Answer, createClient } from '../../experiments/http-client.ts'
import type { Row } from '../row.ts'
import { median, spreadOf } from '../statistics.ts'
import { visit } from '../visit.ts'

const callers = 500
const googleMs = 200

/** The moment a token expires and everyone asks: Google hears of it once, and nobody waits for much more than Google. */
export const expired: Row = {
  name: 'expired',
  title: `Vend, token expired, ${callers} callers at once`,
  async run(bench) {
    const { world, isQuick } = bench
    const { visitor, client, connection } = await visit(bench)
    await client.close()
    const callersOf = createClient(bench.guichet.url, callers)
    const all = async () => {
      const startedAt = performance.now()
      const ask = () =>
        callersOf.request(`/v1/connections/${connection}/token`, { method: 'POST', headers: world.backend })
      const answers = await Promise.all(Array.from({ length: callers }, ask))
      const ms = performance.now() - startedAt
      const tokens = new Set(answers.map(({ status, body }) => (status === 200 ? body.access_token : status)))
      if (tokens.size !== 1) throw new Error(`${visitor.sub}: ${tokens.size} different answers, ${wrongOf(answers)}`)
      return ms
    }
    // Cold, on a busy machine, a server may refuse some of so many.
    for (let warm = 0; warm < 3; warm++) await all().catch(error => bench.progress(`warming up: ${error.message}`))
    const fresh: number[] = []
    const waits: number[] = []
    const ratios: number[] = []
    const refreshes: number[] = []
    for (let round = 0; round < (isQuick ? 5 : 20); round++) {
      const freshMs = await all()
      await world.collections.connections.updateOne(
        { _id: new ObjectId(connection) },
        { $set: { accessTokenExpiresAt: new Date(Date.now() - 1000) } }
      )
      const before = world.google.calls('token')
      world.google.fault('token', { delayUntil: () => delay(googleMs) }, { times: Number.POSITIVE_INFINITY })
      const ms = await all()
      world.google.clearFaults('token')
      refreshes.push(world.google.calls('token') - before)
      fresh.push(freshMs)
      waits.push(ms)
      ratios.push((ms - googleMs) / freshMs)
    }
    await callersOf.close()
    return {
      columns: ['', 'all answered after'],
      lines: [
        ['token fresh', `${Math.round(median(fresh))} ms`],
        [`token expired, Google takes ${googleMs} ms`, `${Math.round(median(waits))} ms`]
      ],
      verdicts: [
        { what: 'refreshes at Google a round', value: spreadOf(refreshes), unit: '', atMost: 1 },
        { what: 'what is left without Google ÷ the fresh case', value: spreadOf(ratios), unit: '×', atMost: 1.5 }
      ]
    }
  }
}

function wrongOf(answers: readonly Answer[]): string {
  return answers.find(({ status }) => status !== 200)?.text ?? 'all of them tokens'
}
