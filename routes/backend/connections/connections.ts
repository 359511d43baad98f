import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { type ConnectionRecord, statusOf } from '../../../src/connections/record.ts'
import { toConnectionId } from '../../../src/connections/repository.ts'
import {
  ConnectionParams,
  ConnectionView,
  DisconnectedView,
  toConnectionView
} from '../../../src/http/views/connection.ts'
import { problemResponses } from '../../../src/http/views/problem.ts'

const pageSize = 100
const Id = z.string().regex(/^[0-9a-f]{24}$/, 'must be an id')
const ListQuery = z.strictObject({
  userId: Id.optional(),
  externalId: z.string().min(1).max(255).optional(),
  service: z.string().min(1).max(64).optional(),
  status: z.enum(['active', 'partial', 'needs_reconnect']).optional(),
  cursor: Id.optional().describe('nextCursor of the page before.')
})
const Page = z.object({ connections: z.array(ConnectionView), nextCursor: z.string().nullable() })

/** The connections of all users, for backends. */
const connectionRoutes: FastifyPluginAsyncZod = async app => {
  const { connections, connectLinks } = app
  const view = (record: ConnectionRecord) => toConnectionView(record, connectLinks.repair)

  app.route({
    method: 'GET',
    url: '',
    config: { operation: 'connections:read' },
    schema: {
      operationId: 'listConnections',
      tags: ['backend'],
      summary: 'List connections',
      querystring: ListQuery,
      response: { 200: Page, ...problemResponses }
    },
    handler: async request => {
      const { userId, externalId, service, status, cursor } = request.query
      const page = await connections.list({
        userId: userId === undefined ? undefined : toConnectionId(userId),
        externalId,
        service,
        services: request.backendKey.services ?? undefined,
        after: cursor === undefined ? undefined : toConnectionId(cursor),
        limit: pageSize
      })
      // A page may hold fewer than it looked at: the cursor goes on from what was looked at.
      const nextCursor = page.length < pageSize ? null : (page.at(-1)?._id.toHexString() ?? null)
      const wanted = status === undefined ? page : page.filter(record => statusOf(record) === status)
      return { connections: wanted.map(view), nextCursor }
    }
  })

  app.route({
    method: 'GET',
    url: '/:id',
    config: { operation: 'connections:read' },
    schema: {
      operationId: 'getConnection',
      tags: ['backend'],
      summary: 'One connection',
      params: ConnectionParams,
      response: { 200: z.object({ connection: ConnectionView }), ...problemResponses }
    },
    handler: async request => ({ connection: view(await request.requireConnection(request.params.id)) })
  })

  app.route({
    method: 'DELETE',
    url: '/:id',
    config: { operation: 'connections:delete' },
    schema: {
      operationId: 'disconnect',
      tags: ['backend'],
      summary: 'Disconnect: revoke at Google, erase here',
      params: ConnectionParams,
      response: { 200: DisconnectedView, ...problemResponses }
    },
    handler: async request => {
      const connection = await request.requireConnection(request.params.id)
      const revoked = await app.disconnect(connection)
      request.log.info(
        {
          event: 'disconnected',
          key: request.backendKey._id,
          user: connection.userId,
          connection: connection._id,
          revoked
        },
        'a connection was ended'
      )
      return { id: request.params.id, revoked }
    }
  })
}

export default connectionRoutes
