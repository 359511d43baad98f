import { toPlainAddress } from '../config/networks.ts'
import { GuichetError } from '../errors.ts'

interface Thrown {
  name?: unknown
  code?: unknown
  stack?: unknown
  cause?: unknown
}

/**
 * What a log line may hold of an error: kinds, codes and the places of the stack. Messages of foreign errors are left
 * out: they quote URLs, connection strings and answers, and with them secrets.
 */
function toLoggedError(error: unknown, depth = 0): object {
  const { name, code, stack, cause } = (error ?? {}) as Thrown
  const ours = error instanceof GuichetError
  return {
    type: typeof name === 'string' ? name : typeof error,
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(!ours &&
      typeof stack === 'string' && {
        stack: stack
          .split('\n')
          .filter(line => /^\s+at /.test(line))
          .slice(0, 12)
          .join('\n')
      }),
    ...(cause !== undefined && depth < 3 && { cause: toLoggedError(cause, depth + 1) })
  }
}

/** What may be told of any error, outside a log too: its code, or its kind; never its message. */
export function safeCodeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as Thrown
  return [code, name].map(String).find(text => /^(?!undefined$)[\w.-]{1,64}$/.test(text)) ?? 'unknown error'
}

interface Requested {
  id: string
  method: string
  url: string
  /** Undefined on a Unix socket. */
  ip: string | undefined
}

/** No id in a path of ours is that long, and each of our secrets is: a key in the place of an id, say. */
const longSegment = /[^/]{41,}/g

export const logSerializers = {
  err: (error: unknown) => toLoggedError(error),
  // The path alone: a callback's query holds code and state.
  req: ({ id, method, url, ip }: Requested) => ({
    id,
    method,
    path: url.split('?', 1)[0]?.replace(longSegment, '…'),
    ip: toPlainAddress(ip)
  })
}
