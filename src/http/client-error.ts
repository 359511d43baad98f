import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { type ErrorCode, GuichetError } from '../errors.ts'
import { originAt, toCrossOriginHeaders } from './cross-origin.ts'
import { headersWithoutHooks } from './headers-without-hooks.ts'
import { toProblem } from './problem.ts'

/** What Node's HTTP parser refuses before there is a request: https://nodejs.org/api/http.html#event-clienterror */
const codes: Readonly<Record<string, ErrorCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_HEADER_OVERFLOW: 'headers_too_large'
}

export interface ClientError extends NodeJS.ErrnoException {
  /** The bytes that came in last, a Buffer. */
  rawPacket?: unknown
}

/** Answers on the bare socket, in the one shape of errors. Returns the code it answered with; undefined if nobody can read the answer. */
export function answerClientError(
  error: ClientError,
  socket: Socket,
  allowedOrigins: readonly string[]
): ErrorCode | undefined {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy()
    return undefined
  }
  const problem = toProblem(new GuichetError(codes[error.code ?? ''] ?? 'invalid_request'), {
    id: randomUUID(),
    url: ''
  })
  const body = JSON.stringify(problem)
  const headers = {
    'content-type': 'application/problem+json; charset=utf-8',
    'cache-control': 'no-store',
    ...headersWithoutHooks,
    ...toCrossOriginHeaders(originAt(socket, error.rawPacket), allowedOrigins),
    'content-length': Buffer.byteLength(body),
    connection: 'close'
  }
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroySoon())
  return problem.code
}
