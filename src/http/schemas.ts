import { z } from 'zod'
import { WatchSummary } from './views/watch.ts'

/** Ids are opaque to clients; whatever cannot be one answers like an unknown one. */
export const ConnectionParams = z.strictObject({ id: z.string().min(1).max(100).describe("The connection's id.") })

export const ConnectionView = z
  .object({
    id: z.string(),
    userId: z.string(),
    externalId: z.string().optional().describe("The host app's id of the user, where a ticket brought the user."),
    service: z.string(),
    account: z.object({ sub: z.string(), email: z.string() }),
    status: z.enum(['active', 'partial', 'needs_reconnect']),
    reason: z
      .enum([
        'revoked',
        'reauth_required',
        'admin_policy',
        'account_disabled',
        'refresh_token_expired',
        'refresh_token_missing',
        'reported_by_google'
      ])
      .optional()
      .describe('Why the connection needs to be made again.'),
    grantedScopes: z.array(z.string()),
    missingScopes: z.array(z.string()),
    connectUrl: z.string().optional().describe('Where the user repairs what is wrong; holds no secret.'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    lastRefreshedAt: z.iso.datetime().optional(),
    refreshTokenExpiresAt: z.iso.datetime().optional().describe('When Google ends the grant, where it says so.'),
    watch: WatchSummary.optional().describe('How its mailbox is followed, where somebody asked for that.')
  })
  .meta({ id: 'Connection' })
export type ConnectionView = z.infer<typeof ConnectionView>

export const UserView = z
  .object({
    id: z.string(),
    email: z.string().nullable(),
    name: z.string().nullable(),
    picture: z.string().nullable(),
    externalId: z.string().nullable()
  })
  .meta({ id: 'User' })
export type UserView = z.infer<typeof UserView>

export const EventView = z
  .object({
    id: z.string().describe('The same in every delivery.'),
    type: z.string(),
    createdAt: z.iso.datetime(),
    data: z
      .looseObject({
        connection: ConnectionView.optional(),
        connectionId: z.string().optional(),
        externalId: z.string().optional(),
        messageId: z.string().optional(),
        threadId: z.string().optional(),
        labelIds: z.array(z.string()).optional(),
        addedLabelIds: z.array(z.string()).optional(),
        removedLabelIds: z.array(z.string()).optional(),
        historyId: z.string().optional()
      })
      .describe('The connection, for what happened to it; ids alone, for what happened in its mailbox.')
  })
  .meta({ id: 'Event' })

export const DisconnectedView = z.object({ id: z.string(), revoked: z.enum(['confirmed', 'pending', 'kept']) })

export const StartedView = z.object({
  url: z.string().describe('Where to send the browser.'),
  expiresAt: z.iso.datetime().describe('Until when the callback is taken.')
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

export const ProblemView = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    instance: z.string(),
    code: z.string().describe('What programs branch on.'),
    requestId: z.string(),
    errors: z.array(z.object({ pointer: z.string(), message: z.string() })).optional(),
    connectUrl: z.string().optional(),
    reason: z.string().optional(),
    missingScopes: z.array(z.string()).optional(),
    retryAfterSeconds: z.number().int().optional()
  })
  .meta({ id: 'Problem' })

/** For every route's `response`: any error is a problem. */
export const problemResponses = { '4xx': ProblemView, '5xx': ProblemView }
