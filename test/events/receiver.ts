import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import type { Test } from 'tap'
import type { ConnectionView } from '../../src/http/views/connection.ts'
import type { Environment } from '../helper.ts'

export interface Delivered {
  id: string
  type: string
  timestamp: string
  createdAt: string
  data: { connection?: ConnectionView; user?: { id: string } }
}

export interface Received {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
  event: Delivered
}

type Answer = (response: ServerResponse, received: Received) => void

/** The owner's endpoint for events: a server of its own on loopback that remembers what came. */
export interface Receiver {
  url: string
  port: number
  requests: Received[]
  /** How it answers from now on: 204 at first. */
  answer: Answer
  /** The ids that it has taken, in order of arrival. */
  ids(): string[]
  types(): string[]
  /** Throws unless the request's signature is by that secret, and new. */
  verify(received: Received, secret?: string): void
  /** Resolves once that many requests have come in all. */
  received(count: number): Promise<void>
  /** No longer listens. */
  close(): Promise<void>
  environment: Environment
}

export const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`
export const secret = secretOf(7)

export const status =
  (code: number, headers: Record<string, string> = {}, body?: string): Answer =>
  response =>
    response.writeHead(code, headers).end(body)

export async function startReceiver(t: Test, port = 0): Promise<Receiver> {
  const requests: Received[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const { method = '', url = '', headers } = request
    const received = { method, url, headers, body, event: JSON.parse(body) as Delivered }
    requests.push(received)
    for (const { count, resolve } of waiting) if (requests.length >= count) resolve()
    receiver.answer(response, received)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const { port: listening } = server.address() as AddressInfo

  async function close(): Promise<void> {
    if (!server.listening) return
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  t.teardown(close)

  const url = `http://127.0.0.1:${listening}/events`
  const receiver: Receiver = {
    url,
    port: listening,
    requests,
    answer: status(204),
    ids: () => requests.map(({ event }) => event.id),
    types: () => requests.map(({ event }) => event.type),
    verify({ body, headers }, by = secret) {
      new Webhook(by).verify(body, headers as Record<string, string>)
    },
    received: count =>
      requests.length >= count ? Promise.resolve() : new Promise(resolve => waiting.push({ count, resolve })),
    close,
    environment: { WEBHOOK_URL: url, WEBHOOK_SECRETS: secret, WEBHOOK_ALLOW_PRIVATE: '127.0.0.1' }
  }
  return receiver
}
