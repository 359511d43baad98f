import { join } from 'node:path'
import autoload from '@fastify/autoload'
import type { FastifyInstance } from 'fastify'
import { nameAsOwn } from '../src/http/own-operations.ts'
import type { Calendars } from '../src/services/calendar/calendars.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The calendars of the connection in the URL; only in the routes under `routes/calendar`. */
    calendars: Calendars
  }
}

/** Calendars through their connection. Each guarded door loads this under `/connections/:id/calendar`. */
export function calendarRoutes({ own }: { own: boolean }) {
  return async function calendar(app: FastifyInstance): Promise<void> {
    app.decorateRequest('calendars')
    if (own) app.addHook('onRoute', nameAsOwn)
    app.addHook('preHandler', async request => {
      const connection = await request.requireConnection((request.params as { id: string }).id)
      request.calendars = app.openCalendars(connection)
    })
    await app.register(autoload, { dir: join(import.meta.dirname, 'calendar'), forceESM: true })
  }
}
