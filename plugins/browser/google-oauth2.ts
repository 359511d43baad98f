import { setTimeout as delay } from 'node:timers/promises'
import oauth2 from '@fastify/oauth2'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ObjectId } from 'mongodb'
import { GuichetError } from '../../src/errors.ts'
import type { FlowAim } from '../../src/flows/flows.ts'
import { type Purpose, purposes } from '../../src/flows/purposes.ts'
import { toCallbackError } from '../../src/google/callback-error.ts'
import { type AuthorizationCodeClient, exchangeCode } from '../../src/google/code-exchange.ts'
import type { Endpoints } from '../../src/google/endpoints.ts'
import type { Identity } from '../../src/google/id-token.ts'
import type { TokenAnswer } from '../../src/google/token-answer.ts'
import type { CallbackQuery } from '../../src/http/schemas.ts'

/** What @fastify/oauth2 decorates with; its own type leaves out `oauth2`. */
interface Registration {
  oauth2: AuthorizationCodeClient & { authorizeURL(parameters: Record<string, string>): string }
}

/** A callback that proved everything it has to. */
export interface Finished {
  identity: Identity
  answer: TokenAnswer
  /** When the tokens were asked for: their lives count from there. */
  askedAtMs: number
  connectionId: ObjectId | null
  expectedEmail: string | null
}

declare module 'fastify' {
  interface FastifyInstance {
    googleOauth2: {
      /** Starts a flow of the request's session; `extra` are parameters of Google's, such as prompt. */
      start(
        request: FastifyRequest,
        purpose: Purpose,
        flow: FlowTarget,
        extra: Record<string, string>
      ): Promise<{ url: string; expiresAt: Date }>
      /**
       * Ends a flow: issuer and state checked, the code exchanged, the id_token verified. Sets the request's `returnTo`.
       * @throws GuichetError `iss_mismatch`, `flow_*`, Google's `error=` in our codes, `code_invalid`, `google_*`
       */
      finish(request: FastifyRequest, purpose: Purpose, query: CallbackQuery): Promise<Finished>
    }
  }
}

type FlowTarget = Partial<FlowAim>

/** Fastify gives a plugin 10 s, and a call to Google may take longer. */
const bootWaitMs = 5_000

/** The Google OAuth2 flow: one registration of @fastify/oauth2 for each purpose, with state, nonce and PKCE of our own flows. */
export default fp(
  async function googleOauth2(app) {
    const { config, flows, google, databaseClock: clock } = app
    const { clientId, clientSecret, timeoutMs } = config.google

    async function register(instance: FastifyInstance, endpoints: Endpoints): Promise<Map<string, Registration>> {
      const registrations = new Map<string, Registration>()
      for (const { name, scopes, callbackPath } of purposes) {
        await instance.register(oauth2, {
          name,
          scope: [...scopes],
          credentials: {
            client: { id: clientId, secret: clientSecret },
            auth: toAuth(endpoints),
            // Wreck's time-out runs for the headers and again for the body: code-exchange.ts bounds both together.
            http: { timeout: timeoutMs, maxBytes: 256 * 1024 },
            options: { authorizationMethod: 'body' }
          },
          callbackUri: new URL(callbackPath, config.publicUrl).href,
          // State lives in the flows: the plugin's own ways, which keep it in a cookie, are closed.
          generateStateFunction: refuse,
          checkStateFunction: refuse
        })
        registrations.set(name, instance.getDecorator<Registration>(name))
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
    async function client({ name }: Purpose): Promise<Registration['oauth2']> {
      registered ??= await register(Fastify(), await google.endpoints())
      const registration = registered.get(name)
      if (!registration) throw new Error(`${name} is not registered`)
      return registration.oauth2
    }
    const redirectUri = ({ callbackPath }: Purpose) => new URL(callbackPath, config.publicUrl).href

    const holder = (request: FastifyRequest, { flow, service }: Purpose) => ({
      purpose: flow,
      service,
      sessionId: request.sessionHash(),
      userId: request.session._id ?? null
    })

    /** RFC 9207, section 2.4; also for an answer that brings an error. */
    async function requireIssuer(iss: string | undefined): Promise<void> {
      const { issuer, issParameterSupported } = await google.endpoints()
      if (iss === undefined ? issParameterSupported : iss !== issuer) throw new GuichetError('iss_mismatch')
    }

    app.decorate('googleOauth2', {
      async start(request, purpose, { returnTo = null, connectionId = null, expectedEmail = null }, extra) {
        const oauth2 = await client(purpose)
        if (!request.session.startedAt) await request.session.save()
        const flow = await flows.start({ ...holder(request, purpose), returnTo, connectionId, expectedEmail })
        const url = oauth2.authorizeURL({
          redirect_uri: redirectUri(purpose),
          scope: purpose.scopes.join(' '),
          state: flow.state,
          nonce: flow.nonce,
          code_challenge: flow.codeChallenge,
          code_challenge_method: 'S256',
          ...extra
        })
        return { url, expiresAt: flow.expiresAt }
      },

      async finish(request, purpose, { state, code, error, iss }) {
        const oauth2 = await client(purpose)
        const own = await flows.findOwn(state, request.sessionHash())
        request.returnTo = own?.returnTo ?? null
        await requireIssuer(iss)
        if (code === undefined && error === undefined)
          throw new GuichetError('invalid_request', { detail: 'There is no code.' })
        const { nonce, codeVerifier, ...aim } = await flows.take(state, holder(request, purpose))
        if (error !== undefined || code === undefined) throw new GuichetError(toCallbackError(error))
        const askedAtMs = clock.nowMs()
        const parameters = { code, redirect_uri: redirectUri(purpose), code_verifier: codeVerifier }
        const answer = await exchangeCode(oauth2, parameters, {
          timeoutMs,
          nowMs: () => clock.nowMs(),
          onOperatorFault: app.operatorFault
        })
        const identity = await google.idTokens.verify(answer.idToken, nonce)
        return { identity, answer, askedAtMs, ...aim }
      }
    })
  },
  { name: 'google-oauth2', fastify: '5.x', dependencies: ['browser-session', 'navigation', 'google', 'accounts'] }
)

async function refuse(): Promise<never> {
  throw new Error('state is kept in the flows')
}

function toAuth({ authorizationEndpoint, tokenEndpoint }: Endpoints) {
  const authorize = new URL(authorizationEndpoint)
  const token = new URL(tokenEndpoint)
  return {
    authorizeHost: authorize.origin,
    authorizePath: authorize.pathname,
    tokenHost: token.origin,
    tokenPath: token.pathname
  }
}
