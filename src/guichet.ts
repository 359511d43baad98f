import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { createServer, type GuichetOptions } from './app.ts'
import { logSerializers } from './observability/log.ts'

/** Where the host app put it, as Fastify hands it on. */
interface Mounted {
  prefix?: string
}

/**
 * The whole of guichet in a host app: `app.register(guichet, parseConfig(process.env))`, under a `prefix` if one is
 * given. Behind the host's wildcard route stands the very app that `createServer` makes, on an instance of its own: none
 * of its plugins, hooks, parsers and decorators meets one of the host's. What it does not know goes to the host's 404.
 */
export async function guichet(host: FastifyInstance, options: GuichetOptions & Mounted): Promise<void> {
  const { prefix, ...config } = options
  // Includes the host's own prefix: a host may be mounted too.
  const mountPath = host.prefix
  const app = await createServer(config, false, { path: mountPath, log: host.log })
  await app.ready()
  host.addHook('preClose', async () => app.readiness.drain())
  host.addHook('onClose', async () => app.close())

  // Bodies are read behind the route, by the limits and parsers that guichet has in either form.
  host.removeAllContentTypeParsers()
  host.addContentTypeParser('*', (_request, _payload, done) => done(null))

  async function handOn(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const path = pathOf(request.raw.url ?? '/', mountPath)
    if (app.methodsOf(path).length === 0) return reply.callNotFound()
    reply.hijack()
    app.routing(request.raw, reply.raw)
    return reply
  }
  const route = { schema: { hide: true } as object, logSerializers, handler: handOn }
  const methods = host.supportedMethods.filter(method => method !== 'OPTIONS' && method !== 'TRACE')
  host.route({ ...route, method: methods, url: '/*', exposeHeadRoute: false })
  // A host's CORS plugin wants the wildcard of OPTIONS for itself, before or after: a route with a constraint is another one.
  host.route({ ...route, method: 'OPTIONS', url: '/*', constraints: { host: /^/ } })
  if (mountPath !== '') {
    host.route({ ...route, method: methods, url: '/', exposeHeadRoute: false, prefixTrailingSlash: 'no-slash' })
  }
}

function pathOf(url: string, mountPath: string): string {
  const [path = ''] = url.split('?', 1)
  const rest = path.startsWith(mountPath) ? path.slice(mountPath.length) : path
  return rest === '' ? '/' : rest
}
