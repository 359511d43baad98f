import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { PageToken } from '../../src/http/gmail.ts'
import { CalendarEventPage, toCalendarEventPage } from '../../src/http/views/calendar.ts'
import { ConnectionParams } from '../../src/http/views/connection.ts'
import { problemResponses } from '../../src/http/views/problem.ts'

const CalendarParams = ConnectionParams.extend({
  calendarId: z
    .string()
    .regex(/^(?!\.{1,2}$)[A-Za-z0-9._%+#@-]{1,254}$/, 'must be the id of a calendar')
    .describe("A calendar's id, or `primary`.")
})
const Time = z.iso.datetime({ offset: true, error: 'must be a time with its offset, such as 2026-11-27T09:00:00Z' })
const EventsQuery = z
  .strictObject({
    from: Time.optional().describe('Only events that end after it.'),
    to: Time.optional().describe('Only events that start before it.'),
    pageToken: PageToken.optional()
  })
  .refine(({ from, to }) => !from || !to || Date.parse(from) < Date.parse(to), {
    path: ['to'],
    error: 'must be later than from'
  })

/** What is in a calendar. */
const events: FastifyPluginAsyncZod = async app => {
  app.route({
    method: 'GET',
    url: '/calendars/:calendarId/events',
    config: { service: 'calendar', use: 'read' },
    schema: {
      operationId: 'listCalendarEvents',
      tags: ['calendar'],
      summary: "A calendar's events by their start; what repeats comes once for each time",
      params: CalendarParams,
      querystring: EventsQuery,
      response: { 200: CalendarEventPage, ...problemResponses }
    },
    handler: async ({ calendars, params, query }) =>
      toCalendarEventPage(await calendars.events(params.calendarId, query))
  })
}

export default events
