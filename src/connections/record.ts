import type { ObjectId } from 'mongodb'
import { findService, missingScopes } from '../catalogue.ts'
import type { Lease } from '../database/lease.ts'
import type { EventRecord } from '../events/event.ts'
import type { Vault } from '../vault/vault.ts'
import type { WatchRecord } from './watch.ts'

/** Why a connection needs to be made again: a closed list. */
export const reasons = [
  'revoked',
  'reauth_required',
  'admin_policy',
  'account_disabled',
  'refresh_token_expired',
  'refresh_token_missing',
  'reported_by_google'
] as const
export type Reason = (typeof reasons)[number]

export const statuses = ['active', 'partial', 'needs_reconnect'] as const
export type Status = (typeof statuses)[number]

/** One user × one service × one Google account, as stored. */
export interface ConnectionRecord {
  _id: ObjectId
  /** False once disconnected: the record then only waits for its revocation at Google and for its events to be listed. */
  live: boolean
  userId: ObjectId
  externalId?: string
  service: string
  account: { sub: string; email: string }
  /** Why the grant is dead; null while it is alive. */
  deadReason: Reason | null
  /** What Google last said it granted: replaced by each token answer, never united with older ones. */
  grantedScopes: string[]
  /** Sealed; see `sealToken`. */
  accessToken: string | null
  refreshToken: string
  accessTokenExpiresAt: Date
  refreshTokenExpiresAt: Date | null
  /** Counts the changes of the tokens: each is written only over the version it was made from. */
  version: number
  /** The process that is refreshing, until when at most. */
  lease: Lease | null
  /** No refresh is tried before this, after one that failed for a passing reason. */
  cooldownUntil: Date | null
  /** The revocation of a disconnected record's refresh token that is still queued. */
  pendingRevocation: { attempts: number; nextAttemptAt: Date } | null
  /** Events not yet in the list: written with the change that they tell of, so that neither exists without the other. */
  outbox: EventRecord[]
  /** Once its grant's announced end has passed: when Google is asked next. */
  nextLookAt?: Date
  /** The end of the grant that was already warned of. */
  warnedOf: Date | null
  createdAt: Date
  updatedAt: Date
  lastRefreshedAt: Date | null
  /** How its mailbox is watched; absent if it is not. */
  watch?: WatchRecord
}

/** Filter: a disconnected record with nothing left to do: its grant revoked, and its events listed. */
export const finished = { live: false, pendingRevocation: null, outbox: { $size: 0 } }

/** The scopes its service asks for and Google has not granted. */
export function missingScopesOf(record: Pick<ConnectionRecord, 'service' | 'grantedScopes'>): string[] {
  return missingScopes(findService(record.service)?.scopes ?? [], record.grantedScopes)
}

export function statusOf(record: Pick<ConnectionRecord, 'service' | 'grantedScopes' | 'deadReason'>): Status {
  if (record.deadReason) return 'needs_reconnect'
  return missingScopesOf(record).length > 0 ? 'partial' : 'active'
}

/** Whole seconds that the access token still lives; below zero once it has run out. */
export function secondsLeft(
  { accessTokenExpiresAt }: Pick<ConnectionRecord, 'accessTokenExpiresAt'>,
  nowMs: number
): number {
  return Math.floor((accessTokenExpiresAt.getTime() - nowMs) / 1000)
}

type Owned = Pick<ConnectionRecord, '_id' | 'userId'>
type TokenField = 'accessToken' | 'refreshToken'

/** Seals a token for the one field of the one connection it belongs to. */
export function sealToken(vault: Vault, owned: Owned, field: TokenField, token: string): string {
  return vault.seal(token, tokenContext(owned, field))
}

/** @throws GuichetError `unsealable` */
export function openToken(vault: Vault, owned: Owned, field: TokenField, envelope: string): string {
  return vault.open(envelope, tokenContext(owned, field))
}

/**
 * Whether the stored refresh token will do until then. One whose grant is dead or ends, or that does not open, is of no
 * use: only a new consent brings another.
 */
export function hasUsableRefreshToken(vault: Vault, record: ConnectionRecord, untilMs: number): boolean {
  if (record.deadReason || (record.refreshTokenExpiresAt?.getTime() ?? Infinity) <= untilMs) return false
  try {
    return openToken(vault, record, 'refreshToken', record.refreshToken) !== ''
  } catch {
    return false
  }
}

function tokenContext({ _id, userId }: Owned, field: TokenField) {
  return { owner: userId.toHexString(), record: _id.toHexString(), field }
}
