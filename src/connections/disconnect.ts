import type { TokenEndpoint } from '../google/token-endpoint.ts'
import type { Vault } from '../vault/vault.ts'
import { type ConnectionRecord, openToken } from './connection.ts'
import type { ConnectionRepository } from './repository.ts'

/** What became of the grant at Google: gone, still owed, or kept because another connection stands on it. */
export type Revoked = 'confirmed' | 'pending' | 'kept'

export interface Disconnect {
  /**
   * Erases the connection, then revokes its grant.
   * @throws GuichetError `unsealable` before anything is erased: without the token nothing can be revoked
   */
  disconnect(connection: ConnectionRecord): Promise<Revoked>
  /** Google revokes account × client whole: a sibling on the same account would die with it. */
  revokeUnlessShared(sub: string, token: string): Promise<Revoked>
}

export function createDisconnect(options: {
  repository: ConnectionRepository
  tokenEndpoint: TokenEndpoint
  vault: Vault
}): Disconnect {
  const { repository, tokenEndpoint, vault } = options

  async function revokeUnlessShared(sub: string, token: string): Promise<Revoked> {
    if (await repository.hasAccount(sub)) return 'kept'
    return tokenEndpoint.revoke(token).then(
      () => 'confirmed',
      () => 'pending'
    )
  }

  return {
    revokeUnlessShared,
    async disconnect(connection) {
      const token = openToken(vault, connection, 'refreshToken', connection.refreshToken)
      await repository.remove(connection._id)
      return revokeUnlessShared(connection.account.sub, token)
    }
  }
}
