import { setTimeout as delay } from 'node:timers/promises'
import oauth2 from '@fastify/oauth2'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { urlUnder } from '../../src/config/public-url.ts'
import {
  createAuthorization,
  type Finished,
  type FlowSession,
  type OAuthClient
} from '../../src/flows/authorization.ts'
import type { FlowAim } from '../../src/flows/flows.ts'
import { type Purpose, purposes } from '../../src/flows/purposes.ts'
import type { Endpoints } from '../../src/google/endpoints.ts'
import type { CallbackQuery } from '../../src/http/views/flow.ts'

/** What @fastify/oauth2 decorates with; its own type leaves out `oauth2`. */
interface Registration {
  oauth2: OAuthClient
}

declare module 'fastify' {
  interface FastifyInstance {
    googleOauth2: {
      /** Starts a flow of the request's session; `extra` are parameters of Google's, such as prompt. */
      start(
        request: FastifyRequest,
        purpose: Purpose,
        aim: Partial<FlowAim>,
        extra: Record<string, string>
      ): Promise<{ url: string; expiresAt: Date }>
      /** Ends a flow of the request's session, and sets the request's `returnTo`. Throws what `Authorization` does. */
      finish(request: FastifyRequest, purpose: Purpose, query: CallbackQuery): Promise<Finished>
    }
  }
}

/** Fastify gives a plugin 10 s, and a call to Google may take longer. */
const bootWaitMs = 5_000

/** The Google OAuth2 flow: one registration of @fastify/oauth2 for each purpose; src/flows has its logic. */
export default fp(
  async function googleOauth2(app) {
    const { config, flows, google, databaseClock: clock } = app
    const { clientId, clientSecret, timeoutMs } = config.google
    const redirectUri = ({ callbackPath }: Purpose) => urlUnder(config.publicUrl, callbackPath).href

    async function register(instance: FastifyInstance, endpoints: Endpoints): Promise<Map<string, Registration>> {
      const registrations = new Map<string, Registration>()
      for (const purpose of purposes) {
        await instance.register(oauth2, {
          name: purpose.name,
          scope: [...purpose.scopes],
          credentials: {
            client: { id: clientId, secret: clientSecret },
            auth: toAuth(endpoints),
            // Wreck's time-out runs for the headers and again for the body: code-exchange.ts bounds both together.
            http: { timeout: timeoutMs, maxBytes: 256 * 1024 },
            options: { authorizationMethod: 'body' }
          },
          callbackUri: redirectUri(purpose),
          // State lives in the flows: the plugin's own ways, which keep it in a cookie, are closed.
          generateStateFunction: refuse,
          checkStateFunction: refuse
        })
        registrations.set(purpose.name, instance.getDecorator<Registration>(purpose.name))
      }
      return registrations
    }

    // The plugin wants the endpoints when it is registered. An issuer that does not answer yet is registered
    // on an instance of its own as soon as it does.
    const atBoot = await Promise.race([
      google.endpoints().catch(() => undefined),
      delay(bootWaitMs, undefined, { ref: false })
    ])
    let registered = atBoot && (await register(app, atBoot))
    async function client({ name }: Purpose): Promise<OAuthClient> {
      registered ??= await register(Fastify(), await google.endpoints())
      const registration = registered.get(name)
      if (!registration) throw new Error(`${name} is not registered`)
      return registration.oauth2
    }

    const authorization = createAuthorization({
      flows,
      client,
      endpoints: google.endpoints,
      idTokens: google.idTokens,
      redirectUri,
      timeoutMs,
      clock,
      onOperatorFault: google.operatorFault
    })
    const toSession = (request: FastifyRequest): FlowSession => ({
      sessionId: request.sessionHash(),
      userId: request.session._id ?? null
    })

    app.decorate('googleOauth2', {
      async start(request, purpose, aim, extra) {
        // Nothing is written for a flow that cannot start.
        await client(purpose)
        if (!request.session.startedAt) await request.session.save()
        return authorization.start(toSession(request), purpose, aim, extra)
      },
      async finish(request, purpose, query) {
        const session = toSession(request)
        const own = await flows.findOwn(query.state, session.sessionId)
        request.returnTo = own?.returnTo ?? null
        return authorization.finish(session, purpose, query)
      }
    })
  },
  { name: 'google-oauth2', fastify: '5.x', dependencies: ['browser-session', 'navigation', 'google', 'flows'] }
)

async function refuse(): Promise<never> {
  throw new Error('state is kept in the flows')
}

function toAuth({ authorizationEndpoint, tokenEndpoint }: Endpoints) {
  const authorize = new URL(authorizationEndpoint)
  const token = new URL(tokenEndpoint)
  return {
    authorizeHost: authorize.origin,
    // An endpoint may have a query of its own (RFC 6749, section 3.1).
    authorizePath: authorize.pathname + authorize.search,
    tokenHost: token.origin,
    tokenPath: token.pathname + token.search
  }
}
