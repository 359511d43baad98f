import fp from 'fastify-plugin'
import { createOpenAccess } from '../src/services/access.ts'
import { createOpenCalendars, type OpenCalendars } from '../src/services/calendar/calendars.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** A connection's calendars: for requests they are opened by the routes' own guard, as `request.calendars`. */
    openCalendars: OpenCalendars
  }
}

export default fp(
  async function openCalendars(app) {
    const { apiUrl, timeoutMs } = app.config.google
    const { repair, fresh } = app.connectLinks
    const openAccess = createOpenAccess({ liveToken: app.liveTokens, connectUrl: repair, freshConnectUrl: fresh })
    const nowMs = () => app.databaseClock.nowMs()
    app.decorate('openCalendars', createOpenCalendars({ openAccess, apiUrl, timeoutMs, nowMs }))
  },
  { name: 'open-calendars', fastify: '5.x', dependencies: ['live-tokens', 'connect-links'] }
)
