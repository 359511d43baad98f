import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { adminCommands } from './admin-commands.ts'
import { createStore, type EmbeddedMongoData, sweepExpired } from './collection.ts'
import type { Handlers, Request } from './command.ts'
import { createCursors } from './cursors.ts'
import { CommandError, toErrorReply } from './errors.ts'
import { readCommands } from './read-commands.ts'
import { type Doc, own, requireValues } from './values.ts'
import { createFramer, type Message, parseMessage, writeReply } from './wire.ts'
import { writeCommands } from './write-commands.ts'

export type { EmbeddedMongoData }

export interface EmbeddedMongoOptions {
  /** 0, the default, takes a free one. */
  port?: number
  /** The server's clock, for `hello` and TTL indexes. */
  nowMs?: () => number
  /** The data of an earlier server, so that a test can take MongoDB away and bring it back. */
  data?: EmbeddedMongoData
}

export interface EmbeddedMongo {
  readonly uri: string
  readonly port: number
  readonly data: EmbeddedMongoData
  /** Drops every connection at once, as a crash would; `data` stays usable. */
  close(): Promise<void>
  /** Holds all commands, as a frozen server would; connections stay open. */
  pause(): void
  /** Answers what was held, in order. */
  resume(): void
  /** Deletes what TTL indexes declare expired, now; returns how many documents went. */
  sweepExpired(): number
}

const sweepIntervalMs = 60_000 // mongod's

const handlers: Handlers = { ...adminCommands, ...readCommands, ...writeCommands }

/** Never throws: every failure is an answer with `ok: 0`. */
function runCommand(request: Omit<Request, 'db'>, isLegacy: boolean): Doc {
  try {
    const { command } = request
    requireValues(command)
    const name = Object.keys(command)[0] ?? ''
    if (isLegacy && name.toLowerCase() !== 'ismaster' && name !== 'hello') {
      throw new CommandError(352, `Unsupported OP_QUERY command: ${name}`)
    }
    if (own(command, 'startTransaction') !== undefined || own(command, 'autocommit') !== undefined) {
      throw new CommandError(20, 'Transaction numbers are only allowed on a replica set member or mongos')
    }
    const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined
    if (!handler) throw new CommandError(59, `command not supported by the embedded stand-in: ${name}`)
    const db = own(command, '$db')
    return { ...handler({ ...request, db: typeof db === 'string' ? db : 'admin' }), ok: 1 }
  } catch (error) {
    return toErrorReply(error)
  }
}

/**
 * An in-memory MongoDB for the demo and the tests: it speaks the wire protocol over TCP, on 127.0.0.1 only, without
 * authentication, and loses everything with the process.
 */
export async function startEmbeddedMongo(options: EmbeddedMongoOptions = {}): Promise<EmbeddedMongo> {
  const nowMs = options.nowMs ?? Date.now
  const data: EmbeddedMongoData = options.data ?? new Map()
  const store = createStore(data)
  const cursors = createCursors()
  const connections = new Map<Socket, () => void>()
  let lastConnectionId = 0
  let isPaused = false

  function answer(message: Message, connectionId: number): Buffer {
    const request = { command: message.command, store, cursors, now: new Date(nowMs()), connectionId }
    const reply = runCommand(request, message.isLegacy)
    try {
      return writeReply(message, reply)
    } catch (error) {
      return writeReply(message, toErrorReply(error)) // a reply that BSON cannot hold
    }
  }

  function accept(socket: Socket): void {
    const connectionId = ++lastConnectionId
    const framer = createFramer()

    function drain(): void {
      try {
        while (!isPaused && !socket.destroyed) {
          const bytes = framer.next()
          if (!bytes) return
          const message = parseMessage(bytes)
          const reply = answer(message, connectionId)
          if (message.wantsReply) socket.write(reply)
        }
      } catch {
        socket.destroy() // malformed: there is no way back into step
      }
    }

    connections.set(socket, drain)
    socket.setNoDelay(true)
    socket.on('data', chunk => {
      framer.push(chunk)
      drain()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => connections.delete(socket))
  }

  const server = createServer(accept)
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  const sweep = (): number => sweepExpired(data, nowMs())
  const timer = setInterval(sweep, sweepIntervalMs)
  timer.unref()

  return {
    uri: `mongodb://127.0.0.1:${port}/guichet`,
    port,
    data,
    async close() {
      clearInterval(timer)
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      for (const socket of connections.keys()) socket.destroy()
      await closed
    },
    pause() {
      isPaused = true
    },
    resume() {
      isPaused = false
      for (const drain of connections.values()) drain()
    },
    sweepExpired: sweep
  }
}
