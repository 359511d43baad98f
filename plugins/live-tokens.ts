import fp from 'fastify-plugin'
import { createLiveTokens, type LiveTokens } from '../src/connections/live-token.ts'
import { createRefresh } from '../src/connections/refresh.ts'

declare module 'fastify' {
  interface FastifyInstance {
    liveTokens: LiveTokens
  }
}

/** Access tokens that live, refreshed once for however many callers and replicas ask. */
export default fp(
  async function liveTokens(app) {
    const { connections: repository, vault, databaseClock: clock, google, revocations, log } = app
    const refreshes = app.metrics.counter('guichet_refreshes_total', 'Refreshes asked of Google, by outcome', [
      'outcome'
    ])
    const refresh = createRefresh({
      repository,
      tokenEndpoint: google.tokenEndpoint,
      vault,
      clock,
      onDead: ({ _id, userId, deadReason }) =>
        log.warn(
          { event: 'connection_dead', connection: _id, user: userId, reason: deadReason },
          'a connection needs to be made again'
        ),
      onRefresh: fault => {
        refreshes.inc({ outcome: fault?.fault ?? 'refreshed' })
        if (fault?.fault === 'operator') google.operatorFault(fault)
      },
      onOrphan: async ({ userId, service, account: { sub } }, token) => {
        await revocations.enqueue({ userId, service, sub, token })
        app.background.soon('revocations')
      }
    })
    app.decorate(
      'liveTokens',
      createLiveTokens({ refresh, repository, vault, clock, connectUrl: app.connectLinks.repair })
    )
  },
  { name: 'live-tokens', fastify: '5.x', dependencies: ['revocations'] }
)
