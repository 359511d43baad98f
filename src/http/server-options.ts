import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
  LogController
} from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import type { Config } from '../config/config.ts'
import { createProxyTrust } from '../config/networks.ts'
import { logSerializers } from '../observability/log.ts'
import { answerClientError, type ClientError } from './client-error.ts'
import { toCrossOriginHeaders } from './cross-origin.ts'
import { headersWithoutHooks } from './headers-without-hooks.ts'
import { toGuichetError } from './problem.ts'
import { sendProblem } from './send-problem.ts'
import { isAwaited } from './slow-body.ts'

/** A handler may take this long, calls to Google and all. */
const handlerTimeoutMs = 25_000

/** Without it Fastify loads compilers of its own, ajv among them, that nothing here uses. */
export const schemaController: NonNullable<FastifyServerOptions['schemaController']> = {
  compilersFactory: {
    buildValidator: (() => validatorCompiler) as never,
    buildSerializer: (() => serializerCompiler) as never
  }
}

/** A guichet inside a host app. */
export interface Mount {
  /** Where the host put it; empty at its root. */
  path: string
  /** The host's log. */
  log: FastifyBaseLogger
}

/** The limits and habits of every guichet, a server of its own or behind a host app. */
export function toServerOptions(
  config: Config,
  logger: FastifyServerOptions['logger'],
  toOwnUrl: (url: string) => string,
  mount?: Mount
): FastifyServerOptions {
  return {
    ...(mount && { loggerInstance: mount.log.child({}, { serializers: logSerializers, level: config.logLevel }) }),
    ...(logger && {
      logger: { level: config.logLevel, serializers: logSerializers, ...(typeof logger === 'object' && logger) }
    }),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    trustProxy: config.trustProxy.length > 0 ? createProxyTrust(config.trustProxy) : false,
    rewriteUrl: ({ url = '/' }) => toOwnUrl(url),
    bodyLimit: 1024 * 1024,
    // A container with little processor time may need longer than Fastify's 10 s for one plugin, and would never come up.
    pluginTimeout: 60_000,
    // A slow client holds a socket for this long at most, but where a route awaits a large body; the second needs the first and the check's interval too.
    requestTimeout: 15_000,
    handlerTimeout: handlerTimeoutMs,
    // A socket on which nothing moves, such as one whose reader has stopped reading.
    connectionTimeout: 120_000,
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 1_000 },
    // HEAD on a callback would run its handler.
    exposeHeadRoutes: false,
    // Gmail's attachment ids are long; each schema bounds its own parameters.
    routerOptions: { maxParamLength: 1024 },
    schemaController,
    forceCloseConnections: 'idle',
    // The readiness check reports it, as a problem.
    return503OnClosing: false,
    // Neither of these meets a hook: what hooks give every answer, and count, is given here.
    clientErrorHandler(this: FastifyInstance, error: ClientError, socket: Socket) {
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && isAwaited(socket)) return
      const code = answerClientError(error, socket, config.allowedOrigins)
      if (code) this.metrics.countProblem(code)
    },
    frameworkErrors(error: Error, request: FastifyRequest, reply: FastifyReply) {
      request.server.metrics.countProblem(toGuichetError(error).code)
      const headers = { ...headersWithoutHooks, ...toCrossOriginHeaders(request.headers.origin, config.allowedOrigins) }
      return sendProblem(error, request, reply.headers(headers))
    }
    // Fastify's types know no `http` beside the options of a plain server.
  } as FastifyServerOptions
}
