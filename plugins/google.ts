import fp from 'fastify-plugin'
import { createBoundedFetch } from '../src/google/bounded-fetch.ts'
import { createEndpoints, type Endpoints } from '../src/google/endpoints.ts'
import { createIdTokenVerifier, type IdTokenVerifier } from '../src/google/id-token.ts'
import { createTokenEndpoint, type TokenEndpoint } from '../src/google/token-endpoint.ts'
import { safeCodeOf } from '../src/observability/log.ts'

declare module 'fastify' {
  interface FastifyInstance {
    google: {
      endpoints(): Promise<Endpoints>
      idTokens: IdTokenVerifier
      tokenEndpoint: TokenEndpoint
      /** Tells the operator that Google refuses this server's OAuth client: an alert in log and metric. */
      operatorFault(fault: Error): void
      /** Tells the operator that Google refuses this server's project. */
      projectRefused(refusal: { reason: string; project: string | undefined; api: string }): void
    }
  }
}

/** Discovery, keys and token answers are a few KiB. */
const maxAnswerBytes = 256 * 1024

const prefetchAfterMs = 1_000

/** Google as every door needs it: where it answers, its keys, refreshing and revoking. */
export default fp(
  async function google(app) {
    const { issuer, clientId, clientSecret, timeoutMs } = app.config.google
    const clock = app.databaseClock
    const fetch = createBoundedFetch({ timeoutMs, maxBytes: maxAnswerBytes })
    const endpoints = createEndpoints(issuer, fetch)
    const idTokens = createIdTokenVerifier({ endpoints, clientId, clock, fetch })
    const tokenEndpoint = createTokenEndpoint({ endpoints, clientId, clientSecret, nowMs: () => clock.nowMs(), fetch })
    const operatorFaults = app.metrics.counter(
      'guichet_operator_faults_total',
      "Refusals of this server's OAuth client"
    )

    app.decorate('google', {
      endpoints,
      idTokens,
      tokenEndpoint,
      operatorFault(err) {
        operatorFaults.inc()
        app.log.error(
          { event: 'operator_fault', reason: safeCodeOf(err), err },
          "Google refuses this server's OAuth client: check its id and secret"
        )
      },
      projectRefused({ reason, project, api }) {
        operatorFaults.inc()
        app.log.error(
          { event: 'google_misconfigured', reason, project, api },
          "Google refuses this server's project: enable the API, and check the OAuth client"
        )
      }
    })
    // Neither the start nor the first sign-in should wait for Google.
    const prefetching = setTimeout(() => void idTokens.prefetch(), prefetchAfterMs).unref()
    app.addHook('onClose', async () => clearTimeout(prefetching))
  },
  { name: 'google', fastify: '5.x', dependencies: ['database-clock', 'metrics'] }
)
