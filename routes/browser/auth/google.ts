import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { GuichetError, hasCode } from '../../../src/errors.ts'
import { signIn } from '../../../src/flows/purposes.ts'
import { maxReturnToLength, requireReturnTo } from '../../../src/http/return-to.ts'
import { CallbackQuery, StartedView } from '../../../src/http/views/flow.ts'
import { problemResponses } from '../../../src/http/views/problem.ts'
import { toUserView, UserView } from '../../../src/http/views/user.ts'

// Connecting without a session wraps its own returnTo in this one. Mailers and social apps add parameters of theirs.
const StartQuery = z.object({ returnTo: z.string().min(1).max(maxReturnToLength).optional() })
const Signed = z.object({ user: UserView })

/** Sign-in with Google. */
const google: FastifyPluginAsyncZod = async app => {
  app.route({
    method: 'GET',
    url: '/google',
    config: { navigable: true, rateLimit: app.limitStarts },
    schema: {
      operationId: 'startSignIn',
      tags: ['auth'],
      summary: 'Start sign-in with Google',
      security: [],
      querystring: StartQuery,
      response: { 200: StartedView, ...problemResponses }
    },
    handler: async (request, reply) => {
      const returnTo = requireReturnTo(request.query.returnTo, 'querystring', app.config)
      request.returnTo = returnTo
      const { url, expiresAt } = await app.googleOauth2.start(
        request,
        signIn,
        { returnTo },
        { prompt: 'select_account' }
      )
      if (request.isNavigation()) return reply.redirect(url, 303)
      return { url, expiresAt: expiresAt.toISOString() }
    }
  })

  app.route({
    method: 'GET',
    url: '/google/callback',
    config: { navigable: true, rateLimit: app.limitStarts },
    schema: {
      operationId: 'finishSignIn',
      tags: ['auth'],
      summary: 'Where Google sends the user back',
      security: [],
      querystring: CallbackQuery,
      response: { 200: Signed, ...problemResponses }
    },
    handler: async (request, reply) => {
      try {
        const user = await app.googleOauth2.finish(request, signIn, request.query, {
          async end({ identity }) {
            // Gone if its user has signed out, or was erased, while Google was asked: neither may come back by it.
            const flow = await app.flows.findOwn(request.query.state, { sessionIds: [request.sessionHash()] })
            if (!flow) throw new GuichetError('flow_wrong_session')
            return app.users.signIn(identity)
          },
          find: app.users.find
        })
        await request.startSessionOf(user._id)
        request.log.info({ event: 'signed_in', user: user._id }, 'a user signed in')
        return answer(request, reply, toUserView(user))
      } catch (error) {
        const user = hasCode(error, 'flow_wrong_session') && (await findAlreadySignedIn(request))
        if (user) return answer(request, reply, user)
        throw error
      }
    }
  })

  /** The Back button, or a second tab: the flow belongs to the session that this browser's sign-in replaced. */
  async function findAlreadySignedIn(
    request: FastifyRequest<{ Querystring: CallbackQuery }>
  ): Promise<UserView | undefined> {
    const { _id, earlier } = request.session
    const flow = _id && earlier && (await app.flows.findOwn(request.query.state, { sessionIds: earlier }))
    if (!flow) return undefined
    request.returnTo = flow.returnTo
    const user = await app.users.find(_id)
    if (!user) throw new GuichetError('unauthenticated')
    return toUserView(user)
  }
}

function answer(request: FastifyRequest, reply: FastifyReply, user: UserView) {
  return request.isNavigation() ? reply.returnWith({}) : { user }
}

export default google
