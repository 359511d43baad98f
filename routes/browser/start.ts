import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { GuichetError } from '../../src/errors.ts'
import { requireConnectPurpose } from '../../src/flows/purposes.ts'
import { takeForms } from '../../src/http/form.ts'
import { type Page, sendPage } from '../../src/http/pages/frame.ts'
import { toGonePage, toLaterPage, toTicketPage } from '../../src/http/pages/ticket.ts'
import { readerOf } from '../../src/http/pages/words.ts'
import { toGuichetError, toProblem } from '../../src/http/problem.ts'
import { problemResponses } from '../../src/http/views/problem.ts'
import { createSecret } from '../../src/secrets.ts'

const Secret = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be a ticket')
/** The link's query; mail programs and trackers add their own parameters. */
const Link = z.object({ ticket: Secret })
/** `page` is the secret of the page whose button was pressed: pressed twice, it is one press. */
const Form = z.strictObject({ ticket: Secret, page: Secret.optional() })

/** How a host app's own user comes in: a page that says what for, and its button. */
const start: FastifyPluginAsyncZod = async app => {
  takeForms(app)
  const show = (request: FastifyRequest, reply: FastifyReply, page: Page) =>
    sendPage(reply, page, readerOf(request), app.config.brand)

  app.route({
    method: 'GET',
    url: '/start',
    // A page that uses nothing: link scanners ask for its head first.
    exposeHeadRoute: true,
    config: { mayPopUp: true, rateLimit: app.limitStarts },
    schema: {
      operationId: 'showTicket',
      tags: ['tickets'],
      summary: 'Who asks, for whom and for what',
      security: [],
      produces: ['text/html'],
      querystring: Link,
      // A used or expired link is shown as a page too.
      response: { 200: z.string(), 404: z.string(), ...problemResponses }
    },
    // A person who follows a link that a mail program has cut needs a page, not JSON.
    errorHandler: (error, request, reply) => {
      if (!request.isNavigation()) throw error
      const { code, status, retryAfterSeconds } = toProblem(toGuichetError(error), request)
      request.log[status >= 500 ? 'error' : 'info']({ err: error, code }, 'a ticket could not be shown')
      if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds)
      const reader = readerOf(request)
      return show(request, reply.code(status), 'validation' in error ? toGonePage(reader) : toLaterPage(reader))
    },
    handler: async (request, reply) => {
      const { ticket } = request.query
      const found = await app.tickets.find(ticket)
      const reader = readerOf(request)
      if (!found) return show(request, reply.code(404), toGonePage(reader))
      return show(request, reply, toTicketPage(found, { ticket, page: createSecret() }, reader))
    }
  })

  app.route({
    method: 'POST',
    url: '/start',
    config: { navigable: true, rateLimit: app.limitStarts },
    schema: {
      operationId: 'useTicket',
      tags: ['tickets'],
      summary: "The page's button",
      security: [],
      consumes: ['application/x-www-form-urlencoded'],
      body: Form,
      response: { 200: z.string(), ...problemResponses }
    },
    handler: async (request, reply) => {
      const { ticket: secret, page } = request.body
      // Steps that may fail come first: the link then stays valid.
      const found = await app.tickets.find(secret)
      if (found?.service) await app.google.endpoints()
      const known = found && (await app.users.forHostApp(found))
      const taken = await app.tickets.take(secret, page)
      const brought = known ?? (taken && (await app.users.forHostApp(taken)))
      const user = brought?.user
      const pressed = taken ?? found
      const voidedAt = pressed && (await app.tickets.voidedAt(pressed))
      if (voidedAt && brought?.isNew) await app.users.withdraw(brought.user, voidedAt)
      const ticket = voidedAt ? null : taken
      if (!ticket && request.isNavigation()) return show(request, reply.code(404), toGonePage(readerOf(request)))
      if (!ticket || !user)
        throw new GuichetError('flow_unknown', { detail: 'This link has expired or was already used.' })
      request.returnTo = ticket.returnTo
      // A user who was signed in here before is another person to us.
      if (!request.session._id?.equals(user._id)) await request.startSessionOf(user._id)
      request.log.info({ event: 'ticket_used', user: user._id }, 'a ticket brought a user')
      if (!ticket.service) return reply.returnWith({})
      const { connectionId, parameters } = await app.chooseAccount({
        userId: user._id,
        service: ticket.service,
        connectionId: ticket.connectionId?.toHexString(),
        loginHint: ticket.expectedEmail ?? undefined
      })
      const target = { returnTo: ticket.returnTo, connectionId, expectedEmail: ticket.expectedEmail }
      const { url } = await app.googleOauth2.start(request, requireConnectPurpose(ticket.service), target, parameters)
      return reply.leaveFor(url)
    }
  })
}

export default start
