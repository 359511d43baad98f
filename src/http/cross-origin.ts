import type { Socket } from 'node:net'

/** What a page of another origin may read beside the headers that are always open to it. */
export const exposedHeaders = ['retry-after', 'guichet-quota', 'content-disposition']

/**
 * The headers of an answer that comes by no hook (https://fetch.spec.whatwg.org/#http-cors-protocol): a listed origin may
 * read it, any other learns nothing. All other answers get theirs from @fastify/cors.
 */
export function toCrossOriginHeaders(
  origin: string | undefined,
  allowedOrigins: readonly string[]
): Record<string, string> {
  if (origin === undefined || !allowedOrigins.includes(origin)) return { vary: 'Origin' }
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': exposedHeaders.join(', ')
  }
}

const origins = new WeakMap<Socket, string>()

/** Remembers the current request of a socket: one whose body never ends is answered on the socket itself. */
export function noteOrigin(socket: Socket, origin: string | undefined): void {
  if (origin === undefined) origins.delete(socket)
  else origins.set(socket, origin)
}

/** Of the request under way there; or as it stands in the bytes that Node's parser refused. */
export function originAt(socket: Socket, bytes: unknown): string | undefined {
  const text = Buffer.isBuffer(bytes) ? bytes.toString('latin1') : ''
  return origins.get(socket) ?? /^origin:[ \t]*(\S+)[ \t]*\r?$/im.exec(text)?.[1]
}
