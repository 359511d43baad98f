import fp from 'fastify-plugin'
import { CodedError, GuichetError } from '../src/errors.ts'
import { createBoundedFetch } from '../src/google/bounded-fetch.ts'
import { createSigningKeys } from '../src/google/signing-keys.ts'
import { createPushVerifier, type PushBody, readNotification } from '../src/services/gmail/news/push.ts'

/** What Google pushes when a mailbox has changed. */
export interface GmailPushes {
  /**
   * That the push comes from the configured account's subscription.
   * @throws GuichetError `unauthenticated`, `google_unavailable` while Google's keys cannot be had
   */
  verify(authorization: string | undefined): Promise<void>
  /**
   * Makes the watches of the mailbox due.
   * @throws GuichetError `unauthenticated` for another subscription, `invalid_request`
   */
  take(body: PushBody): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Only where pushes are set up. */
    gmailPushes?: GmailPushes
  }
}

const maxKeysBytes = 256 * 1024

export default fp(
  async function gmailPushes(app) {
    const { gmailPush, google } = app.config
    if (!gmailPush) return
    const { endpoints } = app.google
    const clock = app.databaseClock
    const fetch = createBoundedFetch({ timeoutMs: google.timeoutMs, maxBytes: maxKeysBytes })
    const keys = createSigningKeys({ jwksUri: async () => (await endpoints()).jwksUri, clock, fetch })
    const { subscription } = gmailPush
    app.decorate('gmailPushes', {
      verify: createPushVerifier({
        ...gmailPush,
        clock,
        findKey: keys.find,
        issuer: async () => (await endpoints()).issuer
      }),
      async take(body) {
        if (subscription !== undefined && body.subscription !== subscription)
          throw new GuichetError('unauthenticated', {
            cause: new CodedError('subscription'),
            detail: 'This is no push of the configured subscription.'
          })
        await app.watches.notify(readNotification(body), body.message.messageId)
        app.background.soon('new mail')
      }
    })
  },
  { name: 'gmail-pushes', fastify: '5.x', dependencies: ['watches', 'google', 'background'] }
)
