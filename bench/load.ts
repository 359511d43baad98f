import { Pool } from 'undici'
import type { Server } from './process.ts'
import { quantile } from './statistics.ts'

/** A request that has been asked for, and what a right answer to it is. */
export interface Asked {
  path: string
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: string
}

/** A server and the work that it is asked for. */
export interface Contender {
  name: string
  server: Server
  /** The next request; none once there is no more of this work. */
  ask(): Asked | undefined
  isRight(answer: { status: number; text: string; location: string }): boolean
  /** Makes what a measurement uses up, before each. */
  prepare?(): Promise<void>
}

export interface Measured {
  perSecond: number
  /** The server's own, a request: user and system time in µs. */
  cpuUs: number
  p50Ms: number
  p99Ms: number
  /** How much of the time the load generator's event loop was at work: near 1 it would be what is measured. */
  generator: number
}

/** So many callers, each asking again once it has its answer. @throws if one answer is wrong */
export async function load(contender: Contender, callers: number, ms: number): Promise<Measured> {
  await contender.prepare?.()
  const { server, ask, isRight, name } = contender
  const pool = new Pool(server.url, { connections: callers, pipelining: 1 })
  const times: number[] = []
  const loop = performance.eventLoopUtilization()
  const cpuBefore = server.cpuMs()
  const startedAt = performance.now()
  const one = async () => {
    for (let asked = ask(); asked && performance.now() - startedAt < ms; asked = ask()) {
      const askedAt = performance.now()
      const { method = 'GET', ...rest } = asked
      const response = await pool.request({ method, ...rest })
      const text = await response.body.text()
      times.push(performance.now() - askedAt)
      const location = String(response.headers.location ?? '')
      if (!isRight({ status: response.statusCode, text, location }))
        throw new Error(`${name} answered ${response.statusCode} ${text.slice(0, 300)}`)
    }
  }
  await Promise.all(Array.from({ length: callers }, one))
  const seconds = (performance.now() - startedAt) / 1000
  const cpuUs = ((server.cpuMs() - cpuBefore) * 1000) / times.length
  const generator = performance.eventLoopUtilization(loop).utilization
  await pool.destroy()
  return {
    perSecond: times.length / seconds,
    cpuUs,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    generator
  }
}
