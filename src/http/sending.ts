import { z } from 'zod'
import { MessageSummary, MessageView } from '../services/gmail/views.ts'

/** A large mail goes as fast as its sender and Google take it. */
export const sendTimeoutMs = 180_000

export const IdempotencyKey = z.looseObject({
  'idempotency-key': z
    .string()
    .regex(/^[!-~]{1,255}$/, 'must be 1 to 255 visible ASCII characters')
    .optional()
    .describe("The app's own name for this send. The same key again, within two days, never sends twice.")
})

export const SentView = z
  .object({
    id: z.string(),
    threadId: z.string(),
    labelIds: z.array(z.string()),
    messageId: z.string().nullable().optional().describe('The Message-ID that recipients see, if it was requested.')
  })
  .meta({ id: 'GmailSent' })

export const DraftSummary = z.object({ id: z.string(), message: MessageSummary }).meta({ id: 'GmailDraftSummary' })
export const DraftView = z.object({ id: z.string(), message: MessageView }).meta({ id: 'GmailDraft' })
