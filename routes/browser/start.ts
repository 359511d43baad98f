import type { FastifyReply } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { TicketRecord } from '../../src/accounts/tickets.ts'
import { findService } from '../../src/catalogue.ts'
import { GuichetError } from '../../src/errors.ts'
import { requireConnectPurpose } from '../../src/flows/purposes.ts'
import { escapeHtml, type Page, toDocument, toPagePolicy } from '../../src/http/html.ts'
import { toGuichetError, toProblem } from '../../src/http/problem.ts'
import { problemResponses } from '../../src/http/views/problem.ts'

const Ticket = z.strictObject({ ticket: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be a ticket') })
/** As it stands in the link, to which mail programs and trackers add parameters of theirs. */
const Link = z.object(Ticket.shape)

/** How a host app's own user comes in: a page that says what for, and its button. */
const start: FastifyPluginAsyncZod = async app => {
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
      security: [],
      produces: ['text/html'],
      querystring: Link,
      response: { 200: z.string(), ...problemResponses }
    },
    // Who follows a link that a mail program has cut is no program, and reads no JSON.
    errorHandler: (error, request, reply) => {
      if (!request.isNavigation()) throw error
      const { code, status, retryAfterSeconds } = toProblem(toGuichetError(error), request)
      request.log[status >= 500 ? 'error' : 'info']({ err: error, code }, 'a ticket could not be shown')
      if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds)
      return show(reply.code(status), 'validation' in error ? gone : later)
    },
    handler: async (request, reply) => {
      const ticket = await app.tickets.find(request.query.ticket)
      if (!ticket) return show(reply.code(404), gone)
      const { authorizationEndpoint } = await app.google.endpoints()
      const ends = [authorizationEndpoint, new URL(ticket.returnTo ?? '/', app.config.publicUrl).href]
      return show(reply, toPage(ticket, request.query.ticket), ends)
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
      body: Ticket,
      response: problemResponses
    },
    handler: async (request, reply) => {
      // What may fail comes first: then the link is still good.
      const found = await app.tickets.find(request.body.ticket)
      if (found?.service) await app.google.endpoints()
      const user = found && (await app.users.forHostApp(found.externalId, found.displayName))
      const ticket = found && (await app.tickets.take(request.body.ticket))
      if (!ticket && request.isNavigation()) return show(reply.code(404), gone)
      if (!ticket || !user)
        throw new GuichetError('flow_unknown', { detail: 'This link has expired or was already used.' })
      request.returnTo = ticket.returnTo
      // Whoever was signed in here before is another person to us.
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
      return reply.redirect(url, 303)
    }
  })

  /** Chromium holds a form to `form-action` across the redirects that follow it: `ends` is where those lead. */
  function show(reply: FastifyReply, page: Page, ends: string[] = []): FastifyReply {
    const others = new Set(
      ends.map(url => new URL(url).origin).filter(origin => origin !== app.config.publicUrl.origin)
    )
    return (
      reply
        .type('text/html; charset=utf-8')
        .header('content-security-policy', toPagePolicy(["form-action 'self'", ...others].join(' ')))
        // With no-referrer, a form would come with Origin: null.
        .header('referrer-policy', 'same-origin')
        // It is a page and no view: the response schemas are for problems.
        .serializer(String)
        .send(toDocument({ ...page, footer }))
    )
  }
}

const footer = `<footer class="foot">
  <p>The keys Google hands out stay sealed on this server; the app is lent what it needs, and only for as long as you allow it. You can also look at Google’s own list of <a href="https://myaccount.google.com/connections" rel="noreferrer">apps with access to your account</a>.</p>
</footer>`

const gone: Page = {
  title: 'This link does not work any more',
  content: toCard(
    '<p>It has expired or was already used. Go back to the app that gave it to you and ask for a new one.</p>'
  )
}

const later: Page = {
  title: 'One moment, please',
  content: toCard('<p>This page cannot be shown right now. Nothing has happened yet: please reload it in a moment.</p>')
}

function toPage({ app, displayName, externalId, service, expectedEmail }: TicketRecord, ticket: string): Page {
  const entry = service ? findService(service) : undefined
  const whom = toName(displayName ?? externalId)
  const facts = [
    ['For whom', whom],
    ['For what', entry ? `to ${escapeHtml(entry.purpose)}` : 'to show you your connected accounts here'],
    ...(expectedEmail ? [['Which account', toName(expectedEmail)]] : [])
  ]
  const ask = entry ? `asks to use your ${escapeHtml(entry.title)}` : 'sends you here'
  const after = entry
    ? '<p class="quiet">Google shows you what is asked for and lets you choose. You can take the permission back at any time.</p>'
    : ''
  return {
    title: entry ? `Connect ${escapeHtml(entry.title)}` : 'Your connected accounts',
    content: `${toCard(`<h2>${toName(app)} ${ask}</h2>
      <dl class="facts">
        ${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join('\n        ')}
      </dl>
      <form method="post" action="/start" class="actions">
        <input type="hidden" name="ticket" value="${escapeHtml(ticket)}">
        <button type="submit" class="main">${entry ? 'Continue to Google' : 'Continue'}</button>
      </form>
      ${after}`)}
  <p class="not-you">You did not ask for this, or you are not ${whom}? Then close this page: nothing has happened yet.</p>`
  }
}

function toCard(face: string): string {
  return `<div class="tickets">
    <div class="ticket">
      <div class="stub" aria-hidden="true"><svg viewBox="0 0 32 32" width="44" height="44"><path d="M8 24V15a8 8 0 0 1 16 0v9M4 24h24M13 24v-5h6v5"/></svg></div>
      <div class="face welcome">
      ${face}
      </div>
    </div>
  </div>`
}

/** Someone else's words: marked up as text, and with a direction of their own, so that they cannot turn ours around. */
function toName(text: string): string {
  return `<bdi>${escapeHtml(text)}</bdi>`
}

export default start
