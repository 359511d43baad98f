import fp from 'fastify-plugin'
import { createWatching, type Watching } from '../src/services/gmail/news/watching.ts'

declare module 'fastify' {
  interface FastifyInstance {
    watching: Watching
  }
}

/** Starting and stopping to follow a mailbox. */
export default fp(
  async function watching(app) {
    const { watches, databaseClock: clock, config } = app
    app.decorate('watching', createWatching({ watches, clock, topic: config.gmailPush?.topic }))
  },
  { name: 'watching', fastify: '5.x', dependencies: ['watches'] }
)
