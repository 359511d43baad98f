import fp from 'fastify-plugin'
import { checkEnded, warningMs, warnOfExpiry } from '../src/connections/expiry.ts'
import { connectionCollection } from '../src/connections/repository.ts'

/** Grants whose end Google announced: warned of beforehand, and asked about once it has passed. */
export default fp(
  async function expiry(app) {
    const { connections: repository, databaseClock: clock, liveTokens } = app
    const collection = app.database.collection(connectionCollection)
    app.background.add('expiry', () => warnOfExpiry(repository, clock))
    app.background.add('ended', signal => checkEnded(repository, clock, liveTokens, signal))
    app.metrics.gauge('guichet_connections_expiring', 'Connections whose grant Google ends within 48 hours', () =>
      collection.countDocuments({
        live: true,
        deadReason: null,
        refreshTokenExpiresAt: { $lte: new Date(clock.nowMs() + warningMs) }
      })
    )
  },
  { name: 'expiry', fastify: '5.x', dependencies: ['live-tokens'] }
)
