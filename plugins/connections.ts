import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ConnectionRecord } from '../src/connections/record.ts'
import {
  type ConnectionRepository,
  connectionCollection,
  createConnectionRepository,
  toConnectionId
} from '../src/connections/repository.ts'
import { GuichetError } from '../src/errors.ts'
import { toConnectionView } from '../src/http/views/connection.ts'

declare module 'fastify' {
  interface FastifyInstance {
    connections: ConnectionRepository
  }
  interface FastifyRequest {
    /** Whether the request may know of that connection: each guarded door says. */
    mayUse(connection: ConnectionRecord): boolean
    /** Whether the session or key that came with the request is still good: for answers that go on. */
    isStillKnown(): Promise<boolean>
    /** @throws GuichetError `not_found`, alike for what is not there and for what the request may not use */
    requireConnection(id: string): Promise<ConnectionRecord>
  }
}

/** What guichet is for: the connections, as stored. */
export default fp(
  async function connections(app) {
    const collection = app.database.collection(connectionCollection)
    const repository = createConnectionRepository({
      collection,
      toView: record => toConnectionView(record, app.connectLinks.repair),
      onEvent: () => app.background.soon('events of connections')
    })
    app.decorate('connections', repository)
    app.decorateRequest('mayUse', () => false)
    app.decorateRequest('isStillKnown', async () => false)
    app.decorateRequest('requireConnection', async function (this: FastifyRequest, id: string) {
      const _id = toConnectionId(id)
      const record = _id && (await repository.find(_id))
      if (!record || !this.mayUse(record)) throw new GuichetError('not_found')
      return record
    })
    app.background.add('events of connections', signal => repository.relayEvents(app.events, { signal }))
    app.metrics.gauge('guichet_connections_dead', 'Connections that need to be made again', () =>
      collection.countDocuments({ live: true, deadReason: { $ne: null } })
    )
  },
  { name: 'connections', fastify: '5.x', dependencies: ['events', 'background', 'metrics', 'connect-links'] }
)
