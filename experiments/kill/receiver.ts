import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import type { Faults } from '../figure.ts'
import type { Random } from '../random.ts'

/** The webhook receiver: each server calls it by its own path. */
export interface Receiver {
  environment(number: number): Record<string, string>
  /** How often each event came, by its id. */
  readonly received: ReadonlyMap<string, number>
  /** The number of the server whose delivery comes next; it is answered a while after. */
  arrival(): Promise<number>
  close(): void
}

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const answerMs = [0, 40] as const

export async function startReceiver(random: Random, faults: Faults): Promise<Receiver> {
  const verifier = new Webhook(secret)
  const received = new Map<string, number>()
  let waiting: ((number: number) => void)[] = []

  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const id = String(request.headers['webhook-id'])
    try {
      verifier.verify(body, request.headers as Record<string, string>)
      received.set(id, (received.get(id) ?? 0) + 1)
    } catch {
      faults.add(`the signature of event ${id} is wrong`)
    }
    const number = Number(request.url?.slice(1))
    const waiters = waiting
    waiting = []
    for (const resolve of waiters) resolve(number)
    await delay(random.between(...answerMs))
    response.writeHead(204).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  return {
    environment: number => ({
      WEBHOOK_URL: `http://127.0.0.1:${port}/${number}`,
      WEBHOOK_SECRETS: secret,
      WEBHOOK_ALLOW_PRIVATE: '127.0.0.1'
    }),
    received,
    arrival: () => new Promise(resolve => waiting.push(resolve)),
    close() {
      server.close()
      server.closeAllConnections()
    }
  }
}
