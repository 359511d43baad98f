import type { Clock } from './clock.ts'
import type { Config } from './config/config.ts'

/*
 * What app.ts decorates with. It stands in a declaration file, which the package does not hold: a host app that imports
 * guichet keeps FastifyInstance as its own parts declare it. Plugins, which no host imports, declare theirs themselves.
 */
declare module 'fastify' {
  interface FastifyInstance {
    config: Config
    clock: Clock
    /** Whether that URL, as a request brings it, has a route here, whatever the method. */
    knows(url: string): boolean
  }
}
