import { once } from 'node:events'
import { request } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { Certificate } from './certificate.ts'
import type { FakeGoogle } from './fake-google.ts'

/** A host in front of a fake Google that shows this certificate: a client that trusts it reaches the same Google. */
export interface TlsDoor {
  origin: string
  /** How many connections it got, with or without a request. */
  connections: number
  /** The requests it let in, as `METHOD path`. */
  requests: string[]
}

export async function startTlsDoor(t: Test, google: FakeGoogle, certificate: Certificate): Promise<TlsDoor> {
  const server = createServer(certificate, (incoming, outgoing) => {
    const { method = '', url: path = '', headers } = incoming
    door.requests.push(`${method} ${path.split('?')[0]}`)
    const inward = request({ host: '127.0.0.1', port: google.port, method, path, headers }, answer => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(inward)
  })
  server.on('connection', () => {
    door.connections += 1
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const door: TlsDoor = {
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: 0,
    requests: []
  }
  return door
}
