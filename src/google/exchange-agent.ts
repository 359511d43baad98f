import type { Agent as HttpAgent } from 'node:http'
import { lazily } from '../lazily.ts'

const http = lazily<typeof import('node:http')>('node:http')
const https = lazily<typeof import('node:https')>('node:https')

/**
 * A code that is sent on a connection which Google is just closing is lost, for an exchange is never repeated. Google keeps
 * idle connections for minutes: one that is used within seconds of its last answer is as good as a new one.
 */
const usualIdleMs = 4_000
/** Idle ones; more than that come only in bursts. */
const maxIdle = 32

/**
 * Connections for code exchanges at that endpoint: kept open for the next exchange, `idleMs` at most, and less where the
 * server says so (`Keep-Alive: timeout`). `destroy` closes those that are idle.
 */
export function createExchangeAgent(tokenEndpoint: string, idleMs = usualIdleMs): HttpAgent {
  const { Agent }: { Agent: typeof HttpAgent } = new URL(tokenEndpoint).protocol === 'https:' ? https() : http()
  class ExchangeAgent extends Agent {
    // simple-oauth2 copies its options deeply, but for objects of a class that says this of itself (@hapi/hoek, `clone`).
    get isImmutable(): boolean {
      return true
    }
  }
  return new ExchangeAgent({ keepAlive: true, timeout: idleMs, maxFreeSockets: maxIdle })
}
