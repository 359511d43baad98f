import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { ConnectionRecord } from '../../../src/connections/record.ts'
import {
  ConnectionParams,
  ConnectionView,
  DisconnectedView,
  toConnectionView
} from '../../../src/http/views/connection.ts'
import { problemResponses } from '../../../src/http/views/problem.ts'

/** One's own connections. */
const connectionRoutes: FastifyPluginAsyncZod = async app => {
  const view = (record: ConnectionRecord) => toConnectionView(record, app.connectLinks.repair)

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
      const records = await app.connections.listOf(request.requireUserId())
      return { connections: records.map(view) }
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
    handler: async request => ({ connection: view(await request.requireConnection(request.params.id)) })
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
      const revoked = await app.disconnect(connection)
      request.log.info(
        { event: 'disconnected', user: connection.userId, connection: connection._id, revoked },
        'a connection was ended'
      )
      return { id: request.params.id, revoked }
    }
  })
}

export default connectionRoutes
