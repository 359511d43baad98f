import fp from 'fastify-plugin'
import { createGmailClient } from '../src/services/gmail/client.ts'
import { createOpenMailbox, type OpenMailbox } from '../src/services/gmail/mailbox.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** A connection's mailbox: for requests it is opened by the routes' own guard, as `request.mailbox`. */
    openMailbox: OpenMailbox
  }
}

export default fp(
  async function openMailbox(app) {
    const { apiUrl, timeoutMs } = app.config.google
    const { liveToken, connectUrl } = app.connections
    app.decorate(
      'openMailbox',
      createOpenMailbox({
        liveToken,
        openGmail: createGmailClient({ apiUrl, timeoutMs, nowMs: () => app.databaseClock.nowMs() }),
        connectUrl,
        freshConnectUrl: service => new URL(`/connect/${service}`, app.config.publicUrl).href
      })
    )
  },
  { name: 'open-mailbox', fastify: '5.x', dependencies: ['connections'] }
)
