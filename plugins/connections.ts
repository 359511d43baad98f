import fp from 'fastify-plugin'
import type { ObjectId } from 'mongodb'
import { createErasing } from '../src/accounts/erase.ts'
import { createChooseAccount } from '../src/connections/choose-account.ts'
import { type Connect, createConnect } from '../src/connections/connect.ts'
import { createDisconnect, type Disconnect } from '../src/connections/disconnect.ts'
import { checkEnded, warnOfExpiry } from '../src/connections/expiry.ts'
import { createLiveTokens, type LiveTokens } from '../src/connections/live-token.ts'
import type { ConnectionRecord } from '../src/connections/record.ts'
import { type ConnectionRepository, createConnectionRepository } from '../src/connections/repository.ts'
import { createRevocations } from '../src/connections/revocations.ts'
import type { ConnectionView } from '../src/http/schemas.ts'
import { toConnectionView } from '../src/http/views/connection.ts'

declare module 'fastify' {
  interface FastifyInstance {
    connections: Connect & {
      disconnect: Disconnect
      repository: ConnectionRepository
      liveToken: LiveTokens
      chooseAccount: ReturnType<typeof createChooseAccount>
      eraseUser: (userId: ObjectId) => Promise<void>
      view(connection: ConnectionRecord): ConnectionView
      /** Where its user repairs a connection; holds no secret. */
      connectUrl(connection: Pick<ConnectionRecord, '_id' | 'service'>): string
    }
  }
}

/** What guichet is for: the connections, kept true and alive. */
export default fp(
  async function connections(app) {
    const { config, collections, databaseClock: clock, vault, users, worker, metrics, log } = app
    const { tokenEndpoint } = app.google
    const freshConnectUrl = (service: string) => new URL(`/connect/${service}`, config.publicUrl).href
    const connectUrl = ({ _id, service }: Pick<ConnectionRecord, '_id' | 'service'>) =>
      `${freshConnectUrl(service)}?connectionId=${_id.toHexString()}`
    const view = (connection: ConnectionRecord) => toConnectionView(connection, connectUrl)

    const repository = createConnectionRepository({
      collection: collections.connections,
      toView: view,
      onEvent: () => worker.soon()
    })
    const revocations = createRevocations({
      collection: collections.revocations,
      connections: collections.connections,
      repository,
      tokenEndpoint,
      vault,
      clock
    })
    const disconnect = createDisconnect({ repository, revocations, clock })
    const liveToken = createLiveTokens({
      repository,
      tokenEndpoint,
      vault,
      clock,
      connectUrl,
      onDead: ({ _id, userId, deadReason }) =>
        log.warn(
          { event: 'connection_dead', connection: _id, user: userId, reason: deadReason },
          'a connection needs to be made again'
        ),
      onRefresh: fault => {
        metrics.refreshes.inc({ outcome: fault?.fault ?? 'refreshed' })
        if (fault?.fault === 'operator') app.operatorFault(fault)
      },
      onOrphan: async ({ userId, service, account: { sub } }, token) => {
        await revocations.owe({ userId, service, sub, token })
        worker.soon()
      }
    })
    const erasing = createErasing({
      users,
      sessions: app.sessions,
      flows: app.flows,
      tickets: app.tickets,
      repository,
      disconnect,
      listEventsOf: app.listEventsOf,
      forgetInEvents: app.events.forgetUser
    })
    const { store } = createConnect({
      repository,
      users,
      vault,
      clock,
      revocations,
      liveToken,
      finishErasing: erasing.finish,
      connectUrl,
      freshConnectUrl
    })
    worker.add('revocations', revocations.settleDue)
    worker.add('erasures', erasing.finishOwed)
    worker.add('expiry', () => warnOfExpiry(repository, clock))
    worker.add('ended', signal => checkEnded(repository, clock, liveToken, signal))

    app.decorate('connections', {
      repository,
      store,
      disconnect,
      liveToken,
      chooseAccount: createChooseAccount({ repository, vault, clock }),
      eraseUser: erasing.erase,
      view,
      connectUrl
    })
  },
  { name: 'connections', fastify: '5.x', dependencies: ['mongo', 'vault', 'google', 'accounts', 'events', 'metrics'] }
)
