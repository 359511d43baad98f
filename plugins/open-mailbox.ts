import { randomUUID } from 'node:crypto'
import fp from 'fastify-plugin'
import { createGmailClient } from '../src/services/gmail/client.ts'
import { createGovernors } from '../src/services/gmail/governors.ts'
import { createOpenMailbox, type OpenMailbox } from '../src/services/gmail/mailbox.ts'
import { createGmailMetrics } from '../src/services/gmail/metrics.ts'
import { createQuota, quotaCollection } from '../src/services/gmail/quota.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** A connection's mailbox: for requests it is opened by the routes' own guard, as `request.mailbox`. */
    openMailbox: OpenMailbox
  }
}

/** Gmail, within Google's quota: every call goes through the governor of its account. */
export default fp(
  async function openMailbox(app) {
    const { config, databaseClock } = app
    const { apiUrl, timeoutMs } = config.google
    const nowMs = () => databaseClock.nowMs()
    const metrics = createGmailMetrics(app.metrics.registry)
    const governorOf = createGovernors({
      quota: createQuota({
        collection: app.database.collection(quotaCollection),
        clock: databaseClock,
        owner: randomUUID()
      }),
      ...config.gmail,
      nowMs,
      onWait: ms => metrics.waits.observe(ms / 1000)
    })
    const openGmail = createGmailClient({
      apiUrl,
      timeoutMs,
      nowMs,
      metrics,
      onProjectRefused: app.google.projectRefused
    })
    app.decorate('openMailbox', createOpenMailbox({ openAccess: app.openAccess, openGmail, governorOf }))
  },
  { name: 'open-mailbox', fastify: '5.x', dependencies: ['open-access', 'metrics'] }
)
