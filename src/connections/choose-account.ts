import type { ObjectId } from 'mongodb'
import type { Clock } from '../clock.ts'
import { isSameAddress } from '../email-address.ts'
import { GuichetError } from '../errors.ts'
import type { Vault } from '../vault/vault.ts'
import { warningMs } from './expiry.ts'
import { type ConnectionRecord, hasUsableRefreshToken, statusOf } from './record.ts'
import { type ConnectionRepository, toConnectionId } from './repository.ts'

export interface AccountWish {
  userId: ObjectId
  service: string
  connectionId?: string | undefined
  loginHint?: string | undefined
}

export interface AccountChoice {
  connectionId: ObjectId | null
  /** For Google's authorization endpoint. */
  parameters: Record<string, string>
}

/**
 * Which account Google is to ask about, and how. Only a real consent brings a refresh token, so consent is asked for
 * unless the account meant already has a connection that needs none.
 * @throws GuichetError `not_found` for a connection that is not the user's, or of another service
 */
export function createChooseAccount(options: {
  repository: ConnectionRepository
  vault: Vault
  clock: Clock
}): (wish: AccountWish) => Promise<AccountChoice> {
  const { repository, vault, clock } = options

  /** One that ends soon has to be made again, and that takes a consent. */
  function needsNoConsent(connection: ConnectionRecord): boolean {
    return statusOf(connection) === 'active' && hasUsableRefreshToken(vault, connection, clock.nowMs() + warningMs)
  }

  return async ({ userId, service, connectionId, loginHint }) => {
    if (connectionId === undefined && loginHint === undefined)
      return { connectionId: null, parameters: { access_type: 'offline', prompt: 'consent' } }
    const own = (await repository.listOf(userId)).filter(connection => connection.service === service)
    const id = connectionId === undefined ? undefined : toConnectionId(connectionId)
    const repaired = id && own.find(({ _id }) => _id.equals(id))
    if (connectionId !== undefined && !repaired) throw new GuichetError('not_found')
    const meant =
      repaired ??
      (loginHint === undefined
        ? undefined
        : own.find(({ account }) => account.sub === loginHint || isSameAddress(account.email, loginHint)))
    const hint = repaired?.account.email ?? loginHint ?? ''
    return {
      connectionId: repaired?._id ?? null,
      parameters: {
        access_type: 'offline',
        prompt: meant && needsNoConsent(meant) ? 'select_account' : 'consent',
        login_hint: hint
      }
    }
  }
}
