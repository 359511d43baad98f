import { z } from 'zod'
import { type ConnectionRecord, missingScopesOf, reasons, statuses, statusOf } from '../../connections/record.ts'
import { toWatchSummary, WatchSummary } from './watch.ts'

/** Ids are opaque to clients; whatever cannot be one answers like an unknown one. */
export const ConnectionParams = z.strictObject({ id: z.string().min(1).max(100).describe("The connection's id.") })

export const ConnectionView = z
  .object({
    id: z.string(),
    userId: z.string(),
    externalId: z.string().optional().describe("The host app's id of the user, where a ticket brought the user."),
    service: z.string(),
    account: z.object({ sub: z.string(), email: z.string() }),
    status: z.enum(statuses),
    reason: z.enum(reasons).optional().describe('Why the connection needs to be made again.'),
    grantedScopes: z.array(z.string()),
    missingScopes: z.array(z.string()),
    connectUrl: z.string().optional().describe('Where the user repairs the connection; holds no secret.'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    lastRefreshedAt: z.iso.datetime().optional(),
    refreshTokenExpiresAt: z.iso.datetime().optional().describe('When Google ends the grant, if it announced that.'),
    watch: WatchSummary.optional().describe('How its mailbox is watched, if it is.')
  })
  .meta({ id: 'Connection' })
export type ConnectionView = z.infer<typeof ConnectionView>

export const DisconnectedView = z.object({ id: z.string(), revoked: z.enum(['confirmed', 'pending', 'kept']) })

/** The public face of a connection: no token, sealed or not, is in it. */
export function toConnectionView(
  record: ConnectionRecord,
  connectUrl: (record: ConnectionRecord) => string
): ConnectionView {
  const status = statusOf(record)
  return {
    id: record._id.toHexString(),
    userId: record.userId.toHexString(),
    ...(record.externalId !== undefined && { externalId: record.externalId }),
    service: record.service,
    account: record.account,
    status,
    ...(record.deadReason && { reason: record.deadReason }),
    grantedScopes: record.grantedScopes,
    missingScopes: missingScopesOf(record),
    ...(status !== 'active' && { connectUrl: connectUrl(record) }),
    createdAt: record.createdAt.toISOString(),
    updatedAt: record.updatedAt.toISOString(),
    ...(record.lastRefreshedAt && { lastRefreshedAt: record.lastRefreshedAt.toISOString() }),
    ...(record.refreshTokenExpiresAt && { refreshTokenExpiresAt: record.refreshTokenExpiresAt.toISOString() }),
    ...(record.watch && { watch: toWatchSummary(record.watch) })
  }
}
