import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { PageToken } from '../../src/http/gmail.ts'
import { CalendarPage, toCalendarPage } from '../../src/http/views/calendar.ts'
import { ConnectionParams } from '../../src/http/views/connection.ts'
import { problemResponses } from '../../src/http/views/problem.ts'

const ListQuery = z.strictObject({ pageToken: PageToken.optional() })

/** Which calendars the account shows. */
const calendars: FastifyPluginAsyncZod = async app => {
  app.route({
    method: 'GET',
    url: '/calendars',
    config: { service: 'calendar', use: 'read' },
    schema: {
      operationId: 'listCalendars',
      tags: ['calendar'],
      summary: 'Its calendars',
      params: ConnectionParams,
      querystring: ListQuery,
      response: { 200: CalendarPage, ...problemResponses }
    },
    handler: async ({ calendars, query }) => toCalendarPage(await calendars.list(query))
  })
}

export default calendars
