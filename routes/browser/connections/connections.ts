import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { ConnectionParams, ConnectionView, DisconnectedView, problemResponses } from '../../../src/http/schemas.ts'

/** One's own connections. */
const connections: FastifyPluginAsyncZod = async app => {
  app.route({
    method: 'GET',
    url: '',
    schema: {
      operationId: 'listOwnConnections',
      tags: ['connections'],
      summary: 'What is connected',
      response: { 200: z.object({ connections: z.array(ConnectionView) }), ...problemResponses }
    },
    handler: async request => {
      const records = await app.connections.repository.listOf(request.requireUserId())
      return { connections: records.map(record => app.connections.view(record)) }
    }
  })

  app.route({
    method: 'GET',
    url: '/:id',
    schema: {
      operationId: 'getOwnConnection',
      tags: ['connections'],
      summary: 'One connection',
      params: ConnectionParams,
      response: { 200: z.object({ connection: ConnectionView }), ...problemResponses }
    },
    handler: async request => ({ connection: app.connections.view(await request.requireConnection(request.params.id)) })
  })

  app.route({
    method: 'DELETE',
    url: '/:id',
    schema: {
      operationId: 'disconnectOwn',
      tags: ['connections'],
      summary: 'Disconnect: revoke at Google, erase here',
      params: ConnectionParams,
      response: { 200: DisconnectedView, ...problemResponses }
    },
    handler: async request => {
      const connection = await request.requireConnection(request.params.id)
      const revoked = await app.connections.disconnect(connection)
      request.log.info(
        { event: 'disconnected', user: connection.userId, connection: connection._id, revoked },
        'a connection was ended'
      )
      return { id: request.params.id, revoked }
    }
  })
}

export default connections
