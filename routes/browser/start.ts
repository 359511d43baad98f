import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { TicketRecord } from '../../src/accounts/tickets.ts'
import { GuichetError } from '../../src/errors.ts'
import { requireConnectPurpose } from '../../src/google/purposes.ts'
import { problemResponses } from '../../src/schemas.ts'
import { findService } from '../../src/services.ts'

const Ticket = z.strictObject({ ticket: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be a ticket') })

/** How a host app's own user comes in: a page that says what for, and its button. */
const start: FastifyPluginAsyncZod = async app => {
  const template = await readFile(join(import.meta.dirname, '../../web/start.html'), 'utf8')

  // The one route that takes a form; repeated fields stay lists, which its schema refuses.
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: 4096 },
    (_request, body, done) => {
      const form = new URLSearchParams(String(body))
      done(
        null,
        Object.fromEntries(
          [...form.keys()].map(name => [name, form.getAll(name).length > 1 ? form.getAll(name) : form.get(name)])
        )
      )
    }
  )

  app.route({
    method: 'GET',
    url: '/start',
    config: { rateLimit: app.limitStarts },
    schema: {
      operationId: 'showTicket',
      tags: ['tickets'],
      summary: 'Who asks, for whom and for what',
      querystring: Ticket,
      response: problemResponses
    },
    handler: async (request, reply) => {
      const ticket = await app.tickets.find(request.query.ticket)
      const { authorizationEndpoint } = await app.google.endpoints()
      // Chromium holds a form to this policy across the redirect that follows it.
      const formAction = `form-action 'self' ${new URL(authorizationEndpoint).origin}`
      reply
        .type('text/html; charset=utf-8')
        .header(
          'content-security-policy',
          `default-src 'none'; style-src 'self'; ${formAction}; frame-ancestors 'none'; base-uri 'none'`
        )
        // With no-referrer, a form would come with Origin: null.
        .header('referrer-policy', 'same-origin')
      const page = ticket ? toPage(ticket, request.query.ticket) : gone
      return reply.code(ticket ? 200 : 404).send(fill(template, page) as never)
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
      body: Ticket,
      response: problemResponses
    },
    handler: async (request, reply) => {
      const ticket = await app.tickets.take(request.body.ticket)
      if (!ticket) throw new GuichetError('flow_unknown', { detail: 'This link has expired or was already used.' })
      request.returnTo = ticket.returnTo
      const user = await app.users.ofHost(ticket.externalId, ticket.displayName)
      // Whoever was signed in here before is another person to us.
      if (!request.session._id?.equals(user._id)) await request.startSessionOf(user._id)
      request.log.info({ event: 'ticket_used', user: user._id }, 'a ticket brought a user')
      if (!ticket.service) return reply.returnWith({})
      const { connectionId, parameters } = await app.connections.chooseAccount({
        userId: user._id,
        service: ticket.service,
        connectionId: ticket.connectionId?.toHexString(),
        loginHint: ticket.expectedEmail ?? undefined
      })
      const target = { returnTo: ticket.returnTo, connectionId, expectedEmail: ticket.expectedEmail }
      const { url } = await app.googleOauth2.start(request, requireConnectPurpose(ticket.service), target, parameters)
      return reply.redirect(url, 303)
    }
  })
}

interface Page {
  title: string
  /** HTML. */
  content: string
}

const gone: Page = {
  title: 'This link does not work any more',
  content: '<p>It has expired or was already used. Go back to the app that gave it to you and ask for a new one.</p>'
}

function toPage({ app, displayName, externalId, service, expectedEmail }: TicketRecord, ticket: string): Page {
  const title = service ? `Connect ${escapeHtml(findService(service)?.title ?? service)}` : 'Your connected accounts'
  const whom = escapeHtml(displayName ?? externalId)
  const wish = service
    ? `would like to use ${escapeHtml(findService(service)?.title ?? service)} on your behalf`
    : 'would like you to manage your connected accounts'
  const account = expectedEmail
    ? `<p>Please choose the Google account <strong>${escapeHtml(expectedEmail)}</strong>.</p>`
    : ''
  return {
    title,
    content: `<p><strong>${escapeHtml(app)}</strong> ${wish}, for <strong>${whom}</strong>.</p>
  ${account}
  <p>If you did not ask for this, or are not ${whom}, close this page: nothing has happened yet.</p>
  <form method="post" action="/start" class="actions">
    <input type="hidden" name="ticket" value="${escapeHtml(ticket)}">
    <button type="submit">${service ? 'Continue to Google' : 'Continue'}</button>
  </form>`
  }
}

function fill(template: string, { title, content }: Page): string {
  return template.replace('{{title}}', () => title).replace('{{content}}', () => content)
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.codePointAt(0)};`)
}

export default start
