import { Socket } from 'node:net'
import type { onRequestHookHandler } from 'fastify'

/** Sockets on which a body is awaited for longer than the server's `requestTimeout`. */
const awaited = new WeakSet<Socket>()

/** 35 MB at 2 Mbit/s: what Gmail takes as one mail. */
const largeMailMs = 150_000

/** Whether a route allowed this body more time; then the server's own timeout does not apply. */
export function isAwaited(socket: Socket): boolean {
  return awaited.has(socket)
}

/**
 * For a route whose body is large: it may arrive for so long, and not only for the `requestTimeout` of the server, which
 * Node knows for all routes alike. It belongs to the route, behind the guards: strangers get no more time.
 */
export function awaitLargeBody(ms = largeMailMs): onRequestHookHandler {
  return ({ raw, server: { server } }, _reply, done) => {
    const { socket } = raw
    // Of `app.inject`: no body comes over a wire, and nothing there can be answered or destroyed.
    if (!(socket instanceof Socket)) return done()
    awaited.add(socket)
    const end = () => {
      if (!raw.complete) return
      clearTimeout(timer)
      awaited.delete(socket)
    }
    // An answer that came before the body was whole does not end the waiting: Node has stopped to look at this socket.
    const timer = setTimeout(() => {
      awaited.delete(socket)
      const error = Object.assign(new Error('the body took too long'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
      if (!raw.complete && !socket.destroyed) server.emit('clientError', error, socket)
    }, ms).unref()
    raw.once('end', end).once('close', end)
    done()
  }
}
