import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Certificate } from './certificate.ts'
import { deliver } from './delivery.ts'
import type { Faults } from './faults.ts'
import { type Endpoint, json, type RecordedRequest, type Reply, readBody } from './http.ts'

export interface ServerParts {
  port: number
  /** https with this certificate, else http. */
  tls: Certificate | undefined
  nowMs: () => number
  toEndpoint: (path: string) => Endpoint
  /** Reads a body that must not be held whole; undefined leaves it to be read as text. */
  readStream: (request: RecordedRequest, body: AsyncIterable<Buffer>) => Promise<void> | undefined
  /** Counts the request as open; what it gives is called when its answer is over. */
  open: (request: RecordedRequest) => () => void
  /** Synchronous, so that two requests never interleave inside one. */
  serve: (request: RecordedRequest) => Reply
  faults: Faults
}

export interface RunningServer {
  port: number
  readonly requests: RecordedRequest[]
  arrival(endpoint: Endpoint, count?: number): Promise<RecordedRequest>
  /** Forgets the requests, and who waits for one. */
  forget(): void
  closeIdleConnections(): void
  close(): Promise<void>
}

interface Waiter {
  endpoint: Endpoint
  left: number
  resolve: (request: RecordedRequest) => void
}

/** Listens on 127.0.0.1: records each request, announces it, answers it through the faults. */
export async function startServer(parts: ServerParts): Promise<RunningServer> {
  const { port, tls, nowMs, toEndpoint, readStream, open, serve, faults } = parts
  let requests: RecordedRequest[] = []
  const sockets = new Set<Socket>()
  let waiters: Waiter[] = []

  function announce(request: RecordedRequest): void {
    for (const waiter of waiters) if (waiter.endpoint === request.endpoint) waiter.left -= 1
    const due = waiters.filter(waiter => waiter.left <= 0)
    waiters = waiters.filter(waiter => waiter.left > 0)
    for (const waiter of due) waiter.resolve(request)
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = toRecord(incoming, nowMs(), toEndpoint)
    requests.push(request)
    const close = open(request)
    response.once('close', () => {
      request.isCut = !response.writableFinished
      close()
    })
    const early = faults.takeAtHeaders(request.endpoint)
    if (early && 'hangBeforeRead' in early.fault) {
      announce(request)
      await early.released
    } else if (early) {
      announce(request)
      return deliver(response, early, () => json(500, {}))
    }
    const streamed = readStream(request, incoming)
    if (streamed) await streamed
    else request.body = await readBody(incoming)
    request.complete = true
    // Taken before the announcement, so that a test woken by it may already change the faults.
    const fault = faults.takeAfterRead(request)
    if (!early) announce(request)
    await deliver(response, fault, () => counted(request, serve(request)))
  }

  const onRequest = (incoming: IncomingMessage, response: ServerResponse) => {
    handle(incoming, response).catch((error: unknown) => {
      // A client that disconnects is no fault; anything else is a fault of the fake, and must be seen.
      if (incoming.destroyed && !incoming.complete) return
      if (!response.headersSent) response.writeHead(500)
      response.end(String(error instanceof Error ? error.stack : error))
    })
  }
  const server = tls ? createTlsServer(tls, onRequest) : createServer(onRequest)
  server.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')

  return {
    port: (server.address() as AddressInfo).port,
    get requests() {
      return requests
    },
    arrival(endpoint, count = 1) {
      const { promise, resolve } = Promise.withResolvers<RecordedRequest>()
      waiters.push({ endpoint, left: count, resolve })
      return promise
    },
    forget() {
      requests = []
      waiters = []
    },
    closeIdleConnections: () => server.closeIdleConnections(),
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    }
  }
}

/** Tells how far a large answer has come. */
function counted(request: RecordedRequest, reply: Reply): Reply {
  const { stream } = reply
  if (!stream) return reply
  return {
    ...reply,
    *stream() {
      for (const chunk of stream()) {
        yield chunk
        request.answeredBytes += chunk.length
      }
    }
  }
}

function toRecord(incoming: IncomingMessage, atMs: number, toEndpoint: (path: string) => Endpoint): RecordedRequest {
  // The raw target, not a normalized one: `..` and `%2e` must show.
  const [path = '', ...query] = (incoming.url ?? '').split('?')
  return {
    endpoint: toEndpoint(path),
    method: incoming.method ?? '',
    path,
    query: query.join('?'),
    headers: incoming.headers,
    body: '',
    atMs,
    complete: false,
    answeredBytes: 0,
    isCut: false
  }
}
