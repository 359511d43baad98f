import { ObjectId } from 'mongodb'
import { parseKeyRing } from '../../src/config/key-ring.ts'
import { type ConnectionRecord, openToken } from '../../src/connections/record.ts'
import { createVault } from '../../src/vault/vault.ts'
import type { World } from '../world.ts'

/** The database, joined with the ledger of the Google that issued the tokens. */
export interface Truth {
  find(sub: string): Promise<ConnectionRecord | null>
  findById(id: string): Promise<ConnectionRecord | null>
  /** The refresh token in the record; undefined if it does not open. */
  refreshTokenIn(record: ConnectionRecord): string | undefined
  accessTokenIn(record: ConnectionRecord): string | undefined
  /** Whether the record's refresh token opens, is of its account, and lives at Google. */
  isTrue(record: ConnectionRecord): boolean
  /** Whether Google holds any living refresh token of that account. */
  isGranted(sub: string): boolean
  /** Whether Google ever issued a refresh token for it. */
  wasIssued(sub: string): boolean
}

export function createTruth({ google, collections, environment }: World): Truth {
  const vault = createVault(parseKeyRing(environment.VAULT_KEYS ?? ''))
  const living = (sub: string) => google.ledger.of('refresh_token', { sub, alive: true }).map(({ value }) => value)

  function open(record: ConnectionRecord, field: 'accessToken' | 'refreshToken'): string | undefined {
    try {
      return openToken(vault, record, field, record[field] ?? '')
    } catch {
      return undefined
    }
  }

  return {
    find: sub => collections.connections.findOne({ 'account.sub': sub, live: true }),
    findById: id => collections.connections.findOne({ _id: new ObjectId(id), live: true }),
    refreshTokenIn: record => open(record, 'refreshToken'),
    accessTokenIn: record => open(record, 'accessToken'),
    isTrue: record => living(record.account.sub).includes(open(record, 'refreshToken') ?? ''),
    isGranted: sub => living(sub).length > 0,
    wasIssued: sub => google.ledger.of('refresh_token', { sub }).length > 0
  }
}
