import type { ObjectId } from 'mongodb'
import type { Clock } from '../clock.ts'
import { CodedError, GuichetError } from '../errors.ts'
import { toCallbackError } from '../google/callback-error.ts'
import { type AuthorizationCodeClient, exchangeCode } from '../google/code-exchange.ts'
import type { Endpoints } from '../google/endpoints.ts'
import type { Identity, IdTokenVerifier } from '../google/id-token.ts'
import type { TokenAnswer } from '../google/token-answer.ts'
import type { FlowAim, Flows } from './flows.ts'
import { type FlowOutcome, type Outcomes, toOutcome } from './outcome.ts'
import type { Purpose } from './purposes.ts'

/** The OAuth client of one purpose. */
export interface OAuthClient extends AuthorizationCodeClient {
  authorizeURL(parameters: Record<string, string>): string
}

/** The session that starts a flow, and alone may finish it. */
export interface FlowSession {
  /** The hash that flows are bound to; the id itself stays in the cookie. */
  sessionId: string
  /** Those of this browser that sign-ins have replaced. */
  earlier: readonly string[]
  userId: ObjectId | null
}

/** What Google sends a callback (RFC 6749, section 4.1.2; RFC 9207). */
export interface AuthorizationResponse {
  state: string
  code?: string | undefined
  error?: string | undefined
  iss?: string | undefined
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

export interface Authorization {
  /** Starts a flow; `extra` are parameters of Google's, such as prompt. */
  start(
    session: FlowSession,
    purpose: Purpose,
    aim: Partial<FlowAim>,
    extra: Record<string, string>
  ): Promise<{ url: string; expiresAt: Date }>
  /**
   * Ends a flow: issuer and state checked, the code exchanged, the id_token verified, and `end` called with what came of
   * it. The same callback again waits for that, and finds what it ended in.
   * @throws GuichetError `iss_mismatch`, `flow_*`, Google's `error=` in our codes, `code_invalid`, `google_*`; what `end` throws
   */
  finish<End extends { _id: ObjectId }>(
    session: FlowSession,
    purpose: Purpose,
    response: AuthorizationResponse,
    ends: FlowEnds<End>
  ): Promise<End>
}

/** What a flow ends in: a user or a connection. */
export interface FlowEnds<End extends { _id: ObjectId }> {
  /** Hears where its holder wants to be, as soon as the flow is this callback's. */
  taken?(returnTo: string | null): void
  end(finished: Finished): Promise<End>
  /** What an earlier run of the same callback ended in; null if it is gone since. */
  find(id: ObjectId): Promise<End | null>
}

/** The authorization code flow with state, nonce and PKCE of our own flows (RFC 6749, RFC 7636, RFC 9700). */
export function createAuthorization(options: {
  flows: Flows
  outcomes: Outcomes
  /** @throws GuichetError `google_unavailable` while the issuer's endpoints are not known */
  client: (purpose: Purpose) => Promise<OAuthClient>
  endpoints: () => Promise<Endpoints>
  idTokens: IdTokenVerifier
  redirectUri: (purpose: Purpose) => string
  /** For the whole code exchange. */
  timeoutMs: number
  clock: Clock
  onOperatorFault: (fault: Error) => void
}): Authorization {
  const { flows, outcomes, client, endpoints, idTokens, redirectUri, timeoutMs, clock, onOperatorFault } = options

  const toHolder = ({ sessionId, userId }: FlowSession, { flow, service }: Purpose) => ({
    purpose: flow,
    service,
    sessionId,
    userId
  })

  /** RFC 9207, section 2.4; also for an answer that brings an error. */
  async function requireIssuer(iss: string | undefined): Promise<void> {
    const { issuer, issParameterSupported } = await endpoints()
    if (iss === undefined ? issParameterSupported : iss !== issuer) throw new GuichetError('iss_mismatch')
  }

  /** The callback has succeeded, even if its outcome cannot be stored for those who repeat it. */
  async function note(flowId: string, outcome: FlowOutcome): Promise<void> {
    await outcomes.note(flowId, outcome).catch(() => {})
  }

  return {
    async start(session, purpose, { returnTo = null, connectionId = null, expectedEmail = null }, extra) {
      const oauth2 = await client(purpose)
      const flow = await flows.start({ ...toHolder(session, purpose), returnTo, connectionId, expectedEmail })
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

    async finish(session, purpose, { state, code, error, iss }, { taken: onTaken, end, find }) {
      // Steps that may fail for a passing reason come before the state is used.
      const oauth2 = await client(purpose)
      await requireIssuer(iss)
      if (code === undefined && error === undefined)
        throw new GuichetError('invalid_request', { detail: 'There is no code.' })
      // Where both came, it is an error.
      const spent = error === undefined ? code : undefined
      const taken = await flows.take(state, {
        ...toHolder(session, purpose),
        sessionIds: toOwn(session, purpose),
        code: spent
      })
      if ('takenBefore' in taken) {
        const ended = await find(await outcomes.await(taken.takenBefore))
        if (!ended) throw new GuichetError('flow_used')
        return ended
      }
      const { id, nonce, codeVerifier, returnTo, ...aim } = taken
      onTaken?.(returnTo)
      const finishBeating = outcomes.begin(id)
      try {
        if (error !== undefined || code === undefined) {
          const refusal = toCallbackError(error)
          throw new GuichetError(refusal, refusal === error ? {} : { cause: new CodedError('unknown_callback_error') })
        }
        const askedAtMs = clock.nowMs()
        const parameters = { code, redirect_uri: redirectUri(purpose), code_verifier: codeVerifier }
        const answer = await exchangeCode(oauth2, parameters, {
          timeoutMs,
          nowMs: () => clock.nowMs(),
          onOperatorFault
        })
        const identity = await idTokens.verify(answer.idToken, nonce)
        const ended = await end({ identity, answer, askedAtMs, ...aim })
        await note(id, { id: ended._id })
        return ended
      } catch (error) {
        await note(id, toOutcome(error))
        throw error
      } finally {
        finishBeating()
      }
    }
  }
}

/**
 * The sessions that may have started the flow. A connect goes on if its user has signed in again meanwhile; a sign-in
 * belongs to one session only, because no user is known yet.
 */
export function toOwn({ sessionId, earlier, userId }: FlowSession, { flow }: Purpose): string[] {
  return flow === 'connect' && userId ? [sessionId, ...earlier] : [sessionId]
}
