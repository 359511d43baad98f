import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import autoload from '@fastify/autoload'
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
  LogController
} from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { type Clock, systemClock } from './clock.ts'
import type { Config } from './config/config.ts'
import { GuichetError } from './errors.ts'
import { createAllowedMethods } from './http/allowed-methods.ts'
import { answerClientError } from './http/client-error.ts'
import { toGuichetError, toProblem } from './http/problem.ts'
import { logSerializers } from './observability/log.ts'

declare module 'fastify' {
  interface FastifyInstance {
    config: Config
    clock: Clock
  }
}

export type GuichetOptions = Config & { clock?: Clock }

/** A handler may take this long: what takes longer is Google. */
const handlerTimeoutMs = 25_000

const root = join(import.meta.dirname, '..')

/** Who comes in where. Each door has plugins and routes of its own: a session costs only browsers, a key opens only /v1. */
const doors = [
  { name: 'browser', prefix: '', guarded: true },
  { name: 'backend', prefix: '/v1', guarded: true },
  { name: 'open', prefix: '', guarded: false }
]

/** The whole of guichet as a plugin: `app.register(guichet, parseConfig(process.env))`. */
export async function guichet(app: FastifyInstance, options: GuichetOptions): Promise<void> {
  // A host app's log would hold the query with code and state, and its HEAD routes would run a callback's handler.
  app.addHook('onRoute', route => {
    route.logSerializers = { ...logSerializers, ...route.logSerializers }
    route.handlerTimeout ??= handlerTimeoutMs
  })
  app.addHook('onRequest', async ({ method, is404 }) => {
    if (method === 'HEAD' && !is404) throw new GuichetError('method_not_allowed')
  })
  await assemble(app, options)
}

/** What a door sees in place of what is not for it. */
const closed = null as never

async function assemble(app: FastifyInstance, { clock = systemClock, ...config }: GuichetOptions): Promise<void> {
  app.decorate('config', config)
  app.decorate('clock', clock)
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  // Before anything is registered: what is registered first would keep Fastify's own.
  app.setErrorHandler(sendProblem)

  await app.register(autoload, { dir: join(root, 'plugins'), maxDepth: 0, forceESM: true })
  // Now, while the routes are still being loaded.
  app.readiness.begin()
  for (const { name, prefix, guarded } of doors) {
    await app.register(
      async door => {
        // Repositories were built before this: no route reaches a collection.
        door.decorate('database', closed).decorate('mongo', closed)
        if (guarded) await door.register(autoload, { dir: join(root, 'plugins', name), forceESM: true })
        await door.register(autoload, {
          dir: join(root, 'routes', name),
          forceESM: true,
          routeParams: true,
          autoHooks: true,
          cascadeHooks: true
        })
      },
      { prefix }
    )
  }
}

/** What hardening gives every answer, for the URLs that the router refuses: they meet no hook. */
const headersWithoutHooks = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'",
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff'
}

/** A server with guichet on it, and the limits that only a server can set. */
export async function createServer(
  options: GuichetOptions,
  logger: FastifyServerOptions['logger'] = false
): Promise<FastifyInstance> {
  const app = Fastify({
    logger: logger && {
      level: options.logLevel,
      serializers: logSerializers,
      ...(typeof logger === 'object' && logger)
    },
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    trustProxy: options.trustProxy.length > 0 ? options.trustProxy : false,
    bodyLimit: 1024 * 1024,
    // A slow client holds a socket for this long at most; the second needs the first and the check's interval too.
    requestTimeout: 15_000,
    handlerTimeout: handlerTimeoutMs,
    // A socket on which nothing moves, such as one whose reader has stopped reading.
    connectionTimeout: 120_000,
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 1_000 },
    // HEAD on a callback would run its handler.
    exposeHeadRoutes: false,
    // Gmail's attachment ids are long; each schema bounds its own parameters.
    routerOptions: { maxParamLength: 1024 },
    // Without these it loads compilers of its own, ajv among them, that nothing here uses.
    schemaController: {
      compilersFactory: {
        buildValidator: (() => validatorCompiler) as never,
        buildSerializer: (() => serializerCompiler) as never
      }
    },
    forceCloseConnections: 'idle',
    // Readiness says it, as a problem.
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) =>
      sendProblem(error, request as FastifyRequest, (reply as FastifyReply).headers(headersWithoutHooks))
  } as FastifyServerOptions) as unknown as FastifyInstance
  const allowed = createAllowedMethods()
  app.addHook('onRoute', ({ url, method }) => allowed.add(url, method))
  app.setNotFoundHandler((request, reply) => {
    const methods = allowed.of(request.url.split('?', 1)[0] ?? '')
    if (methods.length === 0) return sendProblem(new GuichetError('not_found'), request, reply)
    return sendProblem(new GuichetError('method_not_allowed'), request, reply.header('allow', methods.join(', ')))
  })
  app.addHook('onResponse', async (request, reply) => {
    request.log.info(
      {
        route: request.routeOptions.url,
        method: request.method,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime)
      },
      'answered'
    )
  })
  // Called and not registered: on the instance itself, so that its headers are on a 404 too, and its readiness is the process's.
  await assemble(app, options)
  return app
}

function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = toProblem(toGuichetError(error), request)
  if (problem.status >= 500) request.log.error({ err: error, code: problem.code }, 'answered with a server error')
  else request.log.info({ err: error, code: problem.code }, 'refused')
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', problem.retryAfterSeconds)
  if (problem.code === 'backend_key_invalid') reply.header('www-authenticate', 'Bearer realm="guichet"')
  return reply
    .code(problem.status)
    .header('cache-control', 'no-store')
    .type('application/problem+json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(problem)
}
