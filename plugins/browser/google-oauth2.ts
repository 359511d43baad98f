import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyOAuth2Options } from '@fastify/oauth2'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ObjectId } from 'mongodb'
import { urlUnder } from '../../src/config/public-url.ts'
import { GuichetError, hasCode } from '../../src/errors.ts'
import {
  createAuthorization,
  type FlowEnds,
  type FlowSession,
  type OAuthClient,
  toOwn
} from '../../src/flows/authorization.ts'
import type { FlowAim } from '../../src/flows/flows.ts'
import { type Purpose, purposes, signIn } from '../../src/flows/purposes.ts'
import { type Endpoints, googleIssuer } from '../../src/google/endpoints.ts'
import { createExchangeAgent } from '../../src/google/exchange-agent.ts'
import { schemaController } from '../../src/http/server-options.ts'
import type { CallbackQuery } from '../../src/http/views/flow.ts'
import { lazily } from '../../src/lazily.ts'

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
      finish<End extends { _id: ObjectId }>(
        request: FastifyRequest,
        purpose: Purpose,
        query: CallbackQuery,
        ends: FlowEnds<End>
      ): Promise<End>
    }
  }
}

/** Fastify gives a plugin 10 s, and a call to Google may take longer. */
const bootWaitMs = 5_000

const oauth2 = lazily<typeof import('@fastify/oauth2').default>('@fastify/oauth2')

const registerAgainMs = 30_000

/** The Google OAuth2 flow: one registration of @fastify/oauth2 for each purpose; src/flows has its logic. */
export default fp(
  async function googleOauth2(app) {
    const { config, flows, google, databaseClock: clock } = app
    const { clientId, clientSecret, timeoutMs } = config.google
    const redirectUri = ({ callbackPath }: Purpose) => urlUnder(config.publicUrl, callbackPath).href

    let agent: ReturnType<typeof createExchangeAgent> | undefined
    app.addHook('onClose', async () => agent?.destroy())

    /**
     * One registration for each purpose, on an instance that ends with it: the plugin wants the endpoints when it is
     * registered, and an issuer may be away when this server starts.
     * @throws GuichetError `google_misconfigured`, without the library's own error: that one holds the client's secret
     */
    async function register(endpoints: Endpoints): Promise<Map<string, OAuthClient>> {
      const instance = Fastify({ schemaController })
      agent?.destroy()
      agent = createExchangeAgent(endpoints.tokenEndpoint)
      for (const purpose of purposes) {
        const options: FastifyOAuth2Options = {
          name: purpose.name,
          scope: [...purpose.scopes],
          credentials: {
            client: { id: clientId, secret: clientSecret },
            auth: toAuth(endpoints),
            // Wreck's time-out runs for the headers and again for the body: code-exchange.ts bounds both together.
            http: { timeout: timeoutMs, maxBytes: 256 * 1024, agent },
            options: { authorizationMethod: 'body' }
          },
          callbackUri: redirectUri(purpose),
          // State lives in the flows: the plugin's own ways, which keep it in a cookie, are closed.
          generateStateFunction: refuse,
          checkStateFunction: refuse
        }
        // The library throws where Fastify catches nothing of a plugin with a callback: a promise does.
        const registration = (scope: FastifyInstance) =>
          new Promise<void>((resolve, reject) => {
            oauth2()(scope, options, error => (error ? reject(error) : resolve()))
          })
        instance.register(fp(registration))
      }
      try {
        await instance.ready()
        return new Map(purposes.map(({ name }) => [name, instance.getDecorator<{ oauth2: OAuthClient }>(name).oauth2]))
      } catch {
        throw new GuichetError('google_misconfigured', { cause: new OauthLibraryRefusal() })
      } finally {
        await instance.close()
      }
    }

    let registering: Promise<Map<string, OAuthClient>> | undefined
    let refusedAtMs = Number.POSITIVE_INFINITY
    /** Registered once; a failure is every caller's until it is old enough to try again. */
    async function client({ name }: Purpose): Promise<OAuthClient> {
      const known = await google.endpoints()
      if (app.clock.nowMs() - refusedAtMs >= registerAgainMs) {
        registering = undefined
        refusedAtMs = Number.POSITIVE_INFINITY
      }
      registering ??= register(known).catch(error => {
        refusedAtMs = app.clock.nowMs()
        throw error
      })
      const found = (await registering).get(name)
      if (!found) throw new Error(`${name} is not registered`)
      return found
    }
    // With an issuer that answers in time, what the library refuses ends the start. Google's own endpoints are known.
    if (config.google.issuer !== googleIssuer)
      await Promise.race([client(signIn), delay(bootWaitMs, undefined, { ref: false })]).catch(error => {
        if (!hasCode(error, 'google_unavailable')) throw error
      })

    const authorization = createAuthorization({
      flows,
      outcomes: app.flowOutcomes,
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
      earlier: request.session.earlier ?? [],
      userId: request.session._id ?? null
    })

    app.decorate('googleOauth2', {
      async start(request, purpose, aim, extra) {
        // Nothing is written for a flow that cannot start.
        await client(purpose)
        if (!request.session.startedAt) await request.session.save()
        return authorization.start(toSession(request), purpose, aim, extra)
      },
      async finish(request, purpose, query, ends) {
        const session = toSession(request)
        let isTaken = false
        const taken = (returnTo: string | null) => {
          isTaken = true
          request.returnTo = returnTo
        }
        try {
          return await authorization.finish(session, purpose, query, { ...ends, taken })
        } finally {
          if (!isTaken) {
            const own = { sessionIds: toOwn(session, purpose), userId: session.userId }
            request.returnTo = (await flows.findOwn(query.state, own))?.returnTo ?? null
          }
        }
      }
    })
  },
  { name: 'google-oauth2', fastify: '5.x', dependencies: ['browser-session', 'navigation', 'google', 'flow-outcomes'] }
)

/** Stands for the library's error in the log. */
class OauthLibraryRefusal extends Error {
  override readonly name = 'OauthLibraryRefusal'
}

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
