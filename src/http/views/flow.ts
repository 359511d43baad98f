import { z } from 'zod'

export const StartedView = z.object({
  url: z.string().describe('Where to send the browser.'),
  expiresAt: z.iso.datetime().describe('Until when the callback is accepted.')
})

/** What Google sends a callback, or a frontend hands on: unknown parameters are ignored (RFC 6749, section 4.1.2). */
export const CallbackQuery = z.object({
  state: z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, 'must be one state parameter'),
  code: z
    .string()
    .regex(/^[\x21-\x7e]{1,2048}$/, 'must be one authorization code')
    .optional(),
  error: z.string().min(1).max(256).optional(),
  iss: z.string().max(2048).optional().describe('RFC 9207.')
})
export type CallbackQuery = z.infer<typeof CallbackQuery>
