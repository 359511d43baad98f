import { once } from 'node:events'
import { connect } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** Listens on a free port of the loopback. */
export async function listen(app: FastifyInstance): Promise<number> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as { port: number }).port
}

export interface RawAnswer {
  /** The status of the first answer; undefined if the connection closed without one. */
  status: number | undefined
  text: string
}

/** Sends these bytes and nothing more; resolves when the server has closed the connection. */
export async function send(port: number, bytes: string | Buffer): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  // A reset is an end too.
  socket.on('error', () => undefined)
  socket.end(bytes)
  await once(socket, 'close')
  const text = Buffer.concat(chunks).toString('latin1')
  const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]
  return { status: status === undefined ? undefined : Number(status), text }
}
