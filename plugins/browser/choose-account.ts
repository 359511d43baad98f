import fp from 'fastify-plugin'
import { createChooseAccount } from '../../src/connections/choose-account.ts'

declare module 'fastify' {
  interface FastifyInstance {
    chooseAccount: ReturnType<typeof createChooseAccount>
  }
}

export default fp(
  async function chooseAccount(app) {
    const { connections: repository, vault, databaseClock: clock } = app
    app.decorate('chooseAccount', createChooseAccount({ repository, vault, clock }))
  },
  { name: 'choose-account', fastify: '5.x', dependencies: ['connections', 'vault'] }
)
