import fp from 'fastify-plugin'
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
    const nowMs = () => app.databaseClock.nowMs()
    const { openAccess, google } = app
    app.decorate(
      'openCalendars',
      createOpenCalendars({ openAccess, apiUrl, timeoutMs, nowMs, onProjectRefused: google.projectRefused })
    )
  },
  { name: 'open-calendars', fastify: '5.x', dependencies: ['open-access'] }
)
