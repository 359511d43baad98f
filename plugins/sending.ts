import fp from 'fastify-plugin'
import type { ObjectId } from 'mongodb'
import { createAliases } from '../src/services/gmail/aliases.ts'
import { createDrafts, type Drafts } from '../src/services/gmail/drafts.ts'
import { createSendRecords, sendCollection } from '../src/services/gmail/idempotency.ts'
import type { Mailbox } from '../src/services/gmail/mailbox.ts'
import { createPrepare } from '../src/services/gmail/prepare.ts'
import { createSending, type Sending } from '../src/services/gmail/send.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Mail that goes out, and the drafts of it. */
    sending: Sending & { drafts: Drafts }
  }
}

const tidyMs = 300_000

export default fp(
  async function sending(app) {
    const clock = app.databaseClock
    const nowMs = () => clock.nowMs()
    const prepare = createPrepare({ aliases: createAliases({ nowMs }), attachments: app.attachments })
    const records = createSendRecords({ collection: app.database.collection(sendCollection), clock })
    const sending = createSending({ records, prepare, nowMs })
    app.decorate('sending', { ...sending, drafts: createDrafts({ prepare, nowMs }) })

    async function open(id: ObjectId): Promise<Mailbox | undefined> {
      const connection = await app.connections.find(id)
      const isUsable = connection?.live && connection.deadReason === null
      return isUsable ? app.openMailbox(connection, { use: 'modify', interactive: false }) : undefined
    }
    let nextMs = 0
    app.background.add('drafts of given-up sends', async signal => {
      if (nowMs() < nextMs) return
      nextMs = nowMs() + tidyMs
      await sending.tidy(open, signal)
    })
  },
  { name: 'sending', fastify: '5.x', dependencies: ['open-mailbox', 'attachments', 'connections', 'background'] }
)
