import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { basePathOf, urlUnder } from '../../src/config/public-url.ts'
import type { ConnectionRecord } from '../../src/connections/record.ts'
import { takeForms } from '../../src/http/form.ts'
import { toAccountsPage, toWelcomePage } from '../../src/http/pages/accounts.ts'
import { toDisconnectPage, toErasePage } from '../../src/http/pages/confirm.ts'
import { toFailedPage } from '../../src/http/pages/failed.ts'
import { type Page, sendPage } from '../../src/http/pages/frame.ts'
import { outcomeOf } from '../../src/http/pages/outcome.ts'
import { readerOf } from '../../src/http/pages/words.ts'
import { toGuichetError, toProblem } from '../../src/http/problem.ts'
import { toConnectionView } from '../../src/http/views/connection.ts'
import { problemResponses } from '../../src/http/views/problem.ts'
import { toUserView } from '../../src/http/views/user.ts'

/** The query that the browser comes back with; parameters added by others are ignored. */
const Query = z.object({
  status: z.string().max(100).optional().catch(undefined),
  connection: z.string().max(100).optional().catch(undefined),
  done: z.string().max(100).optional().catch(undefined)
})
const Chosen = z.strictObject({ connection: z.string().min(1).max(100) })
const answers = { 200: z.string(), ...problemResponses }

/** The hosted page "Connected accounts": made here, so that links and forms do without a script. */
const page: FastifyPluginAsyncZod = async app => {
  takeForms(app)
  const show = (request: FastifyRequest, reply: FastifyReply, page: Page) =>
    sendPage(reply, page, readerOf(request), app.config.brand)

  const view = (record: ConnectionRecord) => toConnectionView(record, app.connectLinks.repair)
  /** The page itself, under PUBLIC_URL's path. */
  const home = (query: string) => {
    const { pathname, search } = urlUnder(app.config.publicUrl, `/${query}`)
    return pathname + search
  }

  // These are for people: what fails is said on a page too.
  app.setErrorHandler((error, request, reply) => {
    if (!request.isNavigation()) throw toGuichetError(error)
    const problem = toProblem(toGuichetError(error), request)
    const { code, status, retryAfterSeconds } = problem
    request.log[status >= 500 ? 'error' : 'info']({ err: error, code }, 'a page could not be shown')
    if (code === 'unauthenticated' || code === 'not_found') return reply.redirect(home(`?status=${code}`), 303)
    if (status >= 500) request.session = Object.create(null)
    if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds)
    return show(request, reply.code(status), toFailedPage(problem, readerOf(request)))
  })

  app.route({
    method: 'GET',
    url: '/',
    exposeHeadRoute: true,
    schema: { hide: true, security: [], querystring: Query, response: answers },
    handler: async (request, reply) => {
      // URLs on the page are relative to this folder.
      if (request.originalUrl.split('?', 1)[0] === basePathOf(app.config.publicUrl))
        return reply.redirect(home(''), 303)
      const reader = readerOf(request)
      const { _id } = request.session
      const user = _id && (await app.users.find(_id))
      if (!user) return show(request, reply, toWelcomePage(outcomeOf(request.query, reader, undefined), reader))
      const records = await app.connections.listOf(user._id)
      const connections = records.map(view)
      const outcome = outcomeOf(request.query, reader, connections)
      const fresh = request.query.status === 'connected' ? request.query.connection : undefined
      const nowMs = app.databaseClock.nowMs()
      return show(
        request,
        reply,
        toAccountsPage({ user: toUserView(user), connections, outcome, nowMs, fresh }, reader)
      )
    }
  })

  app.route({
    method: 'GET',
    url: '/disconnect',
    exposeHeadRoute: true,
    schema: { hide: true, querystring: Chosen, response: answers },
    handler: async (request, reply) => {
      request.requireUserId()
      const connection = view(await request.requireConnection(request.query.connection))
      return show(request, reply, toDisconnectPage(connection, readerOf(request)))
    }
  })

  app.route({
    method: 'POST',
    url: '/disconnect',
    schema: { hide: true, body: Chosen, response: answers },
    handler: async (request, reply) => {
      request.requireUserId()
      const connection = await request.requireConnection(request.body.connection)
      const revoked = await app.disconnect(connection)
      const { userId: user, _id } = connection
      request.log.info({ event: 'disconnected', user, connection: _id, revoked }, 'a connection was ended')
      return reply.redirect(home(`?done=${revoked}`), 303)
    }
  })

  app.route({
    method: 'POST',
    url: '/sign-out',
    schema: { hide: true, security: [], response: answers },
    handler: async (request, reply) => {
      const user = request.session._id
      await request.endSession(reply)
      if (user) request.log.info({ event: 'signed_out', user }, 'a user signed out')
      return reply.redirect(home('?done=signed_out'), 303)
    }
  })

  app.route({
    method: 'GET',
    url: '/delete-account',
    exposeHeadRoute: true,
    schema: { hide: true, response: answers },
    handler: async (request, reply) => {
      request.requireUserId()
      return show(request, reply, toErasePage(readerOf(request)))
    }
  })

  app.route({
    method: 'POST',
    url: '/delete-account',
    schema: { hide: true, response: answers },
    handler: async (request, reply) => {
      const user = request.requireUserId()
      await app.erasing.erase(user)
      await request.endSession(reply)
      request.log.info({ event: 'user_erased', user }, 'a user was erased')
      return reply.redirect(home('?done=erased'), 303)
    }
  })
}

export default page
