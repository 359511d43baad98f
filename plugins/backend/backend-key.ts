import type { FastifyContextConfig, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { createFailureLimit } from '../../src/backend/failures.ts'
import type { BackendKeyRecord, Operation } from '../../src/backend/keys.ts'
import { GuichetError } from '../../src/errors.ts'
import { rateLimitKey } from '../../src/http/rate-limit-key.ts'
import { createSingleFlight } from '../../src/single-flight.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a backend key must be allowed to do for this route; a service's routes say it by `service` and `use`. */
    operation?: Operation
  }
  interface FastifyRequest {
    /** The backend key of the request; only behind the backend's door. */
    backendKey: BackendKeyRecord
  }
}

/** Invalid keys by address and minute: each costs a database read. */
const maxFailures = 300

/** The guard of everything under /v1: a living key in the header, allowed to do what the route does. */
export default fp(
  async function backendKey(app) {
    app.decorateRequest('backendKey')
    // For the API's description.
    app.addHook('onRoute', ({ schema, config }) => {
      if (!schema) return
      schema.security = [{ backendKey: [] }]
      schema.description = `The key must be made for \`${operationOf(config)}\`.`
    })
    app.addHook('onRequest', app.readiness.requirePrepared)
    const failures = createFailureLimit({ clock: app.clock, max: maxFailures })
    // By the key that was presented. A replica that has just started is asked with a valid key by hundreds of callers at
    // once: they wait for one read, and count as failed only once it has failed.
    const lookups = createSingleFlight<BackendKeyRecord | undefined>()
    async function findKey({ headers, ip }: FastifyRequest): Promise<BackendKeyRecord | undefined> {
      const [, presented] = /^Bearer +([\x21-\x7e]{1,200})$/i.exec(headers.authorization ?? '') ?? []
      if (presented === undefined) return undefined
      // A key that is good here already is not held back by what else comes from its address.
      if (app.backendKeys.isFamiliar(presented)) return app.backendKeys.authenticate(presented)
      const joins = lookups.runs(presented)
      const attempt = joins ? undefined : failures.begin(rateLimitKey(ip))
      const key = await lookups
        .run(presented, () => app.backendKeys.authenticate(presented))
        .catch(error => {
          // Nobody knows whether it is valid: a database that is away must not lock out a backend when it comes back.
          attempt?.forgiven()
          throw error
        })
      if (key) attempt?.forgiven()
      else if (joins) failures.begin(rateLimitKey(ip))
      return key
    }
    app.addHook('onRequest', async request => {
      const key = await findKey(request)
      if (!key) throw new GuichetError('backend_key_invalid')
      request.backendKey = key
    })
    const { keyPerMinute } = app.config.rateLimit
    if (keyPerMinute > 0) {
      app.addHook(
        'onRequest',
        app.rateLimit({ max: keyPerMinute, keyGenerator: request => `key:${request.backendKey._id}` })
      )
    }
    app.addHook('onRequest', ({ backendKey, routeOptions }, _reply, done) => {
      const operation = operationOf(routeOptions.config)
      // A route that does not say what it does is open to no key.
      const isAllowed = operation !== undefined && backendKey.operations.includes(operation)
      done(isAllowed ? undefined : new GuichetError('forbidden'))
    })

    app.decorateRequest('mayUse', function ({ service }) {
      return this.backendKey.services?.includes(service) ?? true
    })
    app.decorateRequest('isStillKnown', async function (this: FastifyRequest) {
      return (await findKey(this)) !== undefined
    })
  },
  { name: 'backend-key', fastify: '5.x', dependencies: ['connections', 'readiness', 'rate-limits', 'backend-keys'] }
)

function operationOf({ operation, service, use }: FastifyContextConfig = {}): Operation | undefined {
  return operation ?? (service && use && (`${service}:${use}` as Operation))
}
