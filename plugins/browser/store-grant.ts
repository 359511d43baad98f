import fp from 'fastify-plugin'
import { createStoreGrant, type StoreGrant } from '../../src/connections/connect.ts'

declare module 'fastify' {
  interface FastifyInstance {
    storeGrant: StoreGrant
  }
}

/** Storing what a callback brought: at the browser's door alone, for no backend key may make a connection. */
export default fp(
  async function storeGrant(app) {
    const { connections: repository, users, vault, databaseClock: clock, revocations, liveTokens, erasing } = app
    app.decorate(
      'storeGrant',
      createStoreGrant({
        repository,
        findUser: users.find,
        vault,
        clock,
        revocations,
        liveToken: liveTokens,
        finishErasing: erasing.finish,
        connectUrl: app.connectLinks.repair,
        freshConnectUrl: app.connectLinks.fresh
      })
    )
  },
  { name: 'store-grant', fastify: '5.x', dependencies: ['live-tokens', 'erasing'] }
)
