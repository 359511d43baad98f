import { join } from 'node:path'
import autoload from '@fastify/autoload'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { type Clock, systemClock } from './clock.ts'
import type { Config } from './config/config.ts'
import { GuichetError } from './errors.ts'
import { createAllowedMethods } from './http/allowed-methods.ts'
import { createToOwnUrl, pathOf } from './http/own-url.ts'
import { sendProblem } from './http/send-problem.ts'
import { type Mount, toServerOptions } from './http/server-options.ts'

export interface GuichetOptions extends Config {
  /** This process's time; stored times follow the database's clock. */
  clock?: Clock
}

/** From here both the sources and what is built of them find their plugins and routes. */
const root = join(import.meta.dirname, '..')

/** Where requests come in. Each door has plugins and routes of its own: a session costs only browsers, a key opens only /v1. */
const doors = [
  { name: 'browser', prefix: '', guarded: true },
  { name: 'backend', prefix: '/v1', guarded: true },
  { name: 'open', prefix: '', guarded: false }
]

/** What a door sees in place of another door's decorators. */
const closed = null as never

/**
 * A server with guichet on it, which `listen` opens; or which a host app hands requests to, at its mount.
 * @throws ConfigError what only trying shows; all that was opened is closed again
 */
export async function createServer(
  { clock = systemClock, ...config }: GuichetOptions,
  logger: FastifyServerOptions['logger'] = false,
  mount?: Mount
): Promise<FastifyInstance> {
  const allowed = createAllowedMethods()
  const isRoute = (path: string) => allowed.of(path).length > 0
  const toOwnUrl = createToOwnUrl(config.publicUrl, mount?.path ?? '', isRoute)
  const app = Fastify(toServerOptions(config, logger, toOwnUrl, mount) as object) as unknown as FastifyInstance
  app.decorate('config', config)
  app.decorate('clock', clock)
  app.decorate('knows', url => isRoute(pathOf(toOwnUrl(url))))
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  // Before anything is registered: plugins registered earlier would keep Fastify's own.
  app.setErrorHandler(sendProblem)
  // Thrown, so that hooks see these errors like any other.
  app.setNotFoundHandler((request, reply) => {
    const methods = allowed.of(pathOf(request.url))
    if (methods.length === 0) throw new GuichetError('not_found')
    reply.header('allow', methods.join(', '))
    throw new GuichetError('method_not_allowed')
  })
  app.addHook('onRoute', ({ url, method }) => allowed.add(url, method))
  app.addHook('onResponse', (request, reply, done) => {
    request.log.info(
      {
        route: request.routeOptions.url,
        method: request.method,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime)
      },
      'answered'
    )
    done()
  })

  try {
    await load(app)
  } catch (error) {
    // Work that has begun, such as connecting to the database, would keep the process alive.
    await app.close().catch(() => {})
    throw error
  }
  return app
}

async function load(app: FastifyInstance): Promise<void> {
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
