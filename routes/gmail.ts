import { join } from 'node:path'
import autoload from '@fastify/autoload'
import type { FastifyInstance } from 'fastify'
import { GuichetError } from '../src/errors.ts'
import { nameAsOwn } from '../src/http/own-operations.ts'
import type { Mailbox, MailboxUse } from '../src/services/gmail/mailbox.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The service whose connection the route works on, and what it does with it: the scope and the key's operation follow. */
    service?: 'gmail' | 'calendar'
    use?: MailboxUse
  }
  interface FastifyRequest {
    /** The mailbox of the connection in the URL; only in the routes under `routes/gmail`. */
    mailbox: Mailbox
  }
}

/**
 * A mailbox through its connection, a file a resource. Each guarded door loads this under `/connections/:id/gmail`: who
 * may reach the connection is the door's affair. With `own`, operations are named as a user's own.
 */
export function gmailRoutes({ own }: { own: boolean }) {
  return async function gmail(app: FastifyInstance): Promise<void> {
    app.decorateRequest('mailbox')
    if (own) app.addHook('onRoute', nameAsOwn)
    app.addHook('preHandler', async request => {
      const {
        config: { use },
        handlerTimeout
      } = request.routeOptions
      if (!use) throw new GuichetError('internal', { detail: 'the route does not say what it does' })
      const connection = await request.requireConnection((request.params as { id: string }).id)
      request.mailbox = app.openMailbox(connection, { use, interactive: true, withinMs: handlerTimeout })
    })
    app.addHook('onSend', async ({ mailbox }, reply) => {
      if (mailbox) reply.header('guichet-quota', `spent=${mailbox.gmail.spent}, left=${mailbox.gmail.left}`)
    })
    await app.register(autoload, { dir: join(import.meta.dirname, 'gmail'), forceESM: true })
  }
}
