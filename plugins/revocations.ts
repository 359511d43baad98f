import fp from 'fastify-plugin'
import { connectionCollection } from '../src/connections/repository.ts'
import { createRevocations, type Revocations, revocationCollection } from '../src/connections/revocations.ts'

declare module 'fastify' {
  interface FastifyInstance {
    revocations: Revocations
  }
}

/** The queue of grants to revoke at Google. */
export default fp(
  async function revocations(app) {
    const connections = app.database.collection(connectionCollection)
    const revocations = createRevocations({
      collection: app.database.collection(revocationCollection),
      connections,
      repository: app.connections,
      tokenEndpoint: app.google.tokenEndpoint,
      vault: app.vault,
      clock: app.databaseClock
    })
    app.decorate('revocations', revocations)
    app.background.add('revocations', revocations.drainDue)
    app.metrics.gauge('guichet_revocations_pending', 'Revocations that Google has not confirmed yet', () =>
      connections.countDocuments({ live: false, pendingRevocation: { $ne: null } })
    )
  },
  { name: 'revocations', fastify: '5.x', dependencies: ['connections', 'google', 'vault'] }
)
