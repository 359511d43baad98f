import fp from 'fastify-plugin'
import { createOpenAccess, type OpenAccess } from '../src/services/access.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** A connection's token for calls to Google: each service's own plugin makes its calls through it. */
    openAccess: OpenAccess
  }
}

export default fp(
  async function openAccess(app) {
    const { repair, fresh } = app.connectLinks
    app.decorate(
      'openAccess',
      createOpenAccess({
        liveToken: app.liveTokens,
        timeoutMs: app.config.google.timeoutMs,
        nowMs: () => app.databaseClock.nowMs(),
        connectUrl: repair,
        freshConnectUrl: fresh
      })
    )
  },
  { name: 'open-access', fastify: '5.x', dependencies: ['live-tokens', 'connect-links'] }
)
