import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { type ErrorCode, GuichetError } from '../errors.ts'
import { toProblem } from './problem.ts'

/** What Node's HTTP parser refuses before there is a request: https://nodejs.org/api/http.html#event-clienterror */
const codes: Readonly<Record<string, ErrorCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_HEADER_OVERFLOW: 'headers_too_large'
}

/** Answers on the bare socket, in the one shape of errors. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  const problem = toProblem(new GuichetError(codes[error.code ?? ''] ?? 'invalid_request'), {
    id: randomUUID(),
    url: ''
  })
  const body = JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    'content-type: application/problem+json; charset=utf-8',
    'cache-control: no-store',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close'
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroySoon())
}
