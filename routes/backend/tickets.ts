import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { findService } from '../../src/catalogue.ts'
import { urlUnder } from '../../src/config/public-url.ts'
import { toComparableAddress } from '../../src/email-address.ts'
import { GuichetError } from '../../src/errors.ts'
import { requireReturnTo } from '../../src/http/return-to.ts'
import { StartedView } from '../../src/http/views/flow.ts'
import { problemResponses } from '../../src/http/views/problem.ts'

const line = (max: number) =>
  z
    .string()
    // Half a character is stored as U+FFFD: two ids that differ in it alone would be one.
    .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'must be one line of text')
    .min(1)
    .max(max)
const TicketBody = z.strictObject({
  externalId: line(255).describe("The host app's id of its user."),
  displayName: line(200).optional().describe("The user's name on the page."),
  service: z.string().min(1).max(64).optional().describe('Connect this service at once.'),
  connectionId: z.string().min(1).max(100).optional().describe('Repair this connection.'),
  returnTo: z.string().min(1).max(2000).optional(),
  expectedEmail: z
    .string()
    .max(320)
    // Whatever can be compared: a domain may be written in letters of its own.
    .refine(text => toComparableAddress(text) !== undefined, 'must be an e-mail address')
    .meta({ format: 'idn-email' })
    .optional()
    .describe('The Google account that must be chosen.')
})

/** Tickets: a host app brings in its own user. */
const tickets: FastifyPluginAsyncZod = async app => {
  app.route({
    method: 'POST',
    url: '/tickets',
    config: { operation: 'tickets:create' },
    schema: {
      operationId: 'createTicket',
      tags: ['backend'],
      summary: "Make a one-use link for the host app's own user",
      body: TicketBody,
      response: { 201: StartedView, ...problemResponses }
    },
    handler: async (request, reply) => {
      const { externalId, displayName = null, returnTo, expectedEmail = null, connectionId, service } = request.body
      const repaired = connectionId === undefined ? null : await request.requireConnection(connectionId)
      if (repaired && (repaired.externalId !== externalId || (service ?? repaired.service) !== repaired.service)) {
        throw new GuichetError('not_found')
      }
      const wanted = service ?? repaired?.service ?? null
      const { services, name } = request.backendKey
      if (wanted && (!findService(wanted) || (services && !services.includes(wanted))))
        throw new GuichetError('not_found')
      const { ticket, expiresAt } = await app.tickets.create({
        externalId,
        displayName,
        service: wanted,
        connectionId: repaired?._id ?? null,
        returnTo: requireReturnTo(returnTo, 'body', app.config),
        expectedEmail,
        app: name
      })
      const url = urlUnder(app.config.publicUrl, '/start')
      url.searchParams.set('ticket', ticket)
      return reply.code(201).send({ url: url.href, expiresAt: expiresAt.toISOString() })
    }
  })
}

export default tickets
