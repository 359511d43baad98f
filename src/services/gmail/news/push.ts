import type { JWTVerifyGetKey } from 'jose'
import { z } from 'zod'
import type { Clock } from '../../../clock.ts'
import { toComparableAddress } from '../../../email-address.ts'
import { CodedError, GuichetError } from '../../../errors.ts'
import { refusalOfToken } from '../../../google/id-token.ts'
import { lazily } from '../../../lazily.ts'
import { parseWithHistoryId, toHistoryId } from './history-id.ts'

const jose = lazily<typeof import('jose')>('jose')

/** What Cloud Pub/Sub posts: https://cloud.google.com/pubsub/docs/push#receive_push */
export const PushBody = z.object({
  message: z.object({
    data: z.string().max(8192).describe("Base64 of Gmail's notification."),
    messageId: z.string().min(1).max(200).describe('The same if a push is repeated.')
  }),
  subscription: z.string().max(500)
})
export type PushBody = z.infer<typeof PushBody>

const Claims = z.object({ aud: z.string(), email: z.string(), email_verified: z.literal(true), iat: z.number() })
const skewSeconds = 60

/**
 * Verifies the token that comes with a push. Any service account can have Google sign a token with our audience: only the
 * account's address shows that the push is ours. The token lives for an hour and names no message, so it may come more
 * than once.
 * @throws (the result) GuichetError `unauthenticated`, `google_unavailable` while there are no keys
 */
export function createPushVerifier(options: {
  findKey: JWTVerifyGetKey
  issuer: () => Promise<string>
  audience: string
  account: string
  clock: Clock
}): (authorization: string | undefined) => Promise<void> {
  const { findKey, issuer, audience, account, clock } = options
  return async authorization => {
    const [, token = ''] = /^Bearer +([\x21-\x7e]{1,8192})$/i.exec(authorization ?? '') ?? []
    try {
      const known = await issuer()
      const { payload } = await jose().jwtVerify(token, findKey, {
        algorithms: ['RS256'],
        issuer: [known, known.replace(/^https:\/\//, '')],
        audience,
        clockTolerance: skewSeconds,
        currentDate: new Date(clock.nowMs()),
        requiredClaims: ['exp', 'iat']
      })
      const claims = Claims.parse(payload)
      if (claims.email !== account) throw new CodedError('account')
      if (claims.iat > clock.nowMs() / 1000 + skewSeconds) throw new CodedError('issued_in_future')
    } catch (cause) {
      if (cause instanceof GuichetError) throw cause
      const reason = new CodedError(token ? refusalOfToken(cause) : 'missing', cause)
      throw new GuichetError('unauthenticated', { cause: reason, detail: 'This is no push of the configured account.' })
    }
  }
}

/** Which mailbox has news, and up to where its history has come. */
export interface Notification {
  address: string
  historyId: string
}

const Data = z.object({ emailAddress: z.string().min(3).max(320), historyId: z.unknown() })

/** @throws GuichetError `invalid_request` where there is no notification in it */
export function readNotification({ message }: PushBody): Notification {
  try {
    // Buffer takes the URL's alphabet too, which Google's own page names.
    const { emailAddress, historyId } = Data.parse(parseWithHistoryId(Buffer.from(message.data, 'base64').toString()))
    return { address: toComparableAddress(emailAddress) ?? emailAddress, historyId: toHistoryId(historyId) }
  } catch (cause) {
    throw new GuichetError('invalid_request', {
      cause,
      errors: [{ pointer: '/body/message/data', message: "must be the base64 of Gmail's notification" }]
    })
  }
}
