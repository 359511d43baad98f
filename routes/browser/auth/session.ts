import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { GuichetError } from '../../../src/errors.ts'
import { problemResponses } from '../../../src/http/views/problem.ts'
import { toUserView, UserView } from '../../../src/http/views/user.ts'

/** Who the session belongs to, and ending it. */
const session: FastifyPluginAsyncZod = async app => {
  app.route({
    method: 'GET',
    url: '/session',
    schema: {
      operationId: 'getSession',
      tags: ['auth'],
      summary: 'Who is signed in',
      response: { 200: z.object({ user: UserView }), ...problemResponses }
    },
    handler: async request => {
      const user = await app.users.find(request.requireUserId())
      if (!user) throw new GuichetError('unauthenticated')
      return { user: toUserView(user) }
    }
  })

  app.route({
    method: 'DELETE',
    url: '/session',
    schema: {
      operationId: 'signOut',
      tags: ['auth'],
      summary: 'Sign out',
      security: [],
      response: { 204: z.null(), ...problemResponses }
    },
    handler: async (request, reply) => {
      const user = request.session._id
      await request.endSession(reply)
      if (user) request.log.info({ event: 'signed_out', user }, 'a user signed out')
      return reply.code(204).send(null)
    }
  })

  app.route({
    method: 'DELETE',
    url: '/user',
    schema: {
      operationId: 'eraseUser',
      tags: ['auth'],
      summary: 'Erase the account: revoke and delete everything',
      response: { 204: z.null(), ...problemResponses }
    },
    handler: async (request, reply) => {
      const user = request.requireUserId()
      await app.erasing.erase(user)
      await request.endSession(reply)
      request.log.info({ event: 'user_erased', user }, 'a user was erased')
      return reply.code(204).send(null)
    }
  })
}

export default session
