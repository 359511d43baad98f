import fp from 'fastify-plugin'
import { createAliases } from '../src/services/gmail/aliases.ts'
import { createDrafts, type Drafts } from '../src/services/gmail/drafts.ts'
import { createSendRecords, sendCollection } from '../src/services/gmail/idempotency.ts'
import { createPrepare } from '../src/services/gmail/prepare.ts'
import { createSending, type Sending } from '../src/services/gmail/send.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Mail that goes out, and the drafts of it. */
    sending: Sending & { drafts: Drafts }
  }
}

export default fp(
  async function sending(app) {
    const clock = app.databaseClock
    const nowMs = () => clock.nowMs()
    const prepare = createPrepare({ aliases: createAliases({ nowMs }), attachments: app.attachments })
    const records = createSendRecords({ collection: app.database.collection(sendCollection), clock })
    app.decorate('sending', {
      ...createSending({ records, prepare, nowMs }),
      drafts: createDrafts({ prepare, nowMs })
    })
  },
  { name: 'sending', fastify: '5.x', dependencies: ['open-mailbox', 'attachments', 'database', 'database-clock'] }
)
