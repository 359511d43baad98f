import { type ConnectionRecord, missingScopesOf, statusOf } from '../../connections/record.ts'
import type { ConnectionView } from '../schemas.ts'
import { toWatchSummary } from './watch.ts'

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
