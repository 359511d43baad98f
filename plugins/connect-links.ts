import fp from 'fastify-plugin'
import { type ConnectLinks, createConnectLinks } from '../src/connections/links.ts'

declare module 'fastify' {
  interface FastifyInstance {
    connectLinks: ConnectLinks
  }
}

export default fp(
  async function connectLinks(app) {
    app.decorate('connectLinks', createConnectLinks(app.config.publicUrl))
  },
  { name: 'connect-links', fastify: '5.x' }
)
