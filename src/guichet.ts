import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import { createServer, type GuichetOptions } from './app.ts'
import { logSerializers } from './observability/log.ts'

/** Where the host app put it, as Fastify hands it on. */
interface Mounted {
  prefix?: string
}

/**
 * The whole of guichet in a host app: `app.register(guichet, parseConfig(process.env))`, under a `prefix` if one is
 * given. Behind the host's wildcard route stands the very app that `createServer` makes, on an instance of its own: none
 * of its plugins, hooks, parsers and decorators meets one of the host's. At the host's root, what it does not know goes to
 * the host's 404; under a prefix it is refused here, as in a server of its own.
 */
export async function guichet(host: FastifyInstance, options: GuichetOptions & Mounted): Promise<void> {
  const { prefix, ...config } = options
  // Includes the host's own prefix: a host may be mounted too.
  const mountPath = host.prefix
  const app = await createServer(config, false, { path: mountPath, log: host.log })
  try {
    await app.ready()
  } catch (error) {
    // A host that goes on without guichet would keep its connections.
    await app.close().catch(() => {})
    throw error
  }
  // What the host waits for before its onClose; the rest serves the requests that are still running.
  host.addHook('preClose', async () => {
    app.readiness.drain()
    app.eventStreams.close()
  })
  host.addHook('onClose', async () => app.close())

  // Before the host's later hooks, which may want the body: it is read behind the route, by guichet's own limits and parsers.
  const handOn: onRequestHookHandler = ({ raw }, reply, done) => {
    if (mountPath === '' && !app.knows(raw.url ?? '/')) return done()
    reply.hijack()
    app.routing(raw, reply.raw)
  }
  // What is not known at its root is the host's 404, whatever its body is.
  host.removeAllContentTypeParsers()
  host.addContentTypeParser('*', (_request, _payload, done) => done(null))
  const route = {
    schema: { hide: true } as object,
    logSerializers,
    onRequest: handOn,
    handler: (_request: FastifyRequest, reply: FastifyReply) => reply.callNotFound()
  }
  const methods = host.supportedMethods.filter(method => method !== 'OPTIONS' && method !== 'TRACE')
  host.route({ ...route, method: methods, url: '/*', exposeHeadRoute: false })
  // A host's CORS plugin wants the wildcard of OPTIONS for itself, before or after: a route with a constraint is another one.
  host.route({ ...route, method: 'OPTIONS', url: '/*', constraints: { host: /^/ } })
  if (mountPath !== '') {
    host.route({ ...route, method: methods, url: '/', exposeHeadRoute: false, prefixTrailingSlash: 'no-slash' })
  }
}
