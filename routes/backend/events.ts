import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { serviceOfEvent } from '../../src/events/event.ts'
import { EventView, toEventView } from '../../src/http/views/event.ts'
import { problemResponses } from '../../src/http/views/problem.ts'

const pageSize = 100
const Query = z.strictObject({
  cursor: z
    .string()
    .regex(/^\d{1,15}$/, 'must be a nextCursor')
    .optional()
    .describe('nextCursor of the page before.')
})
const Page = z.object({ events: z.array(EventView), nextCursor: z.string() })

/** The events, for backends that cannot take webhooks. */
const events: FastifyPluginAsyncZod = async app => {
  app.route({
    method: 'GET',
    url: '/events',
    config: { operation: 'events:read' },
    schema: {
      operationId: 'listEvents',
      tags: ['backend'],
      summary: 'The events of the last 30 days, oldest first',
      querystring: Query,
      response: { 200: Page, ...problemResponses }
    },
    handler: async request => {
      const after = Number(request.query.cursor ?? 0)
      const page = await app.events.after(after, pageSize)
      const { services } = request.backendKey
      // A narrowed key hears of its services alone; the cursor passes over the rest.
      const heard = page.filter(event => {
        const service = serviceOfEvent(event)
        return !services || service === undefined || services.includes(service)
      })
      return {
        events: heard.map(toEventView),
        // Always there: the end of the list is where the next event will be found.
        nextCursor: String(page.at(-1)?._id ?? after)
      }
    }
  })
}

export default events
