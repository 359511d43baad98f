import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { Test } from 'tap'

/** A host that must receive nothing: it counts connections, and closes them at once. */
export interface Trap {
  url: string
  connections: number
  /** Resolves with the first who comes. */
  reached: Promise<unknown>
}

export async function startTrap(t: Test): Promise<Trap> {
  const server = createServer(socket => {
    trap.connections += 1
    socket.destroy()
  })
  const reached = once(server, 'connection')
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const trap: Trap = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections: 0, reached }
  return trap
}
