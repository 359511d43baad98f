import fp from 'fastify-plugin'
import { checkKeys } from '../src/vault/check.ts'
import { createVault, type Vault } from '../src/vault/vault.ts'

declare module 'fastify' {
  interface FastifyInstance {
    vault: Vault
    /** Rejects with `unsealable` if a key of the ring is not the one that this database was sealed with. */
    checkVaultKeys(): Promise<void>
  }
}

/** The key ring that seals everything secret before the database sees it. */
export default fp(
  async function vault(app) {
    const vault = createVault(app.config.vaultKeys)
    app.decorate('vault', vault)
    app.decorate('checkVaultKeys', () => checkKeys(vault, app.config.vaultKeys, app.collections.meta))
  },
  { name: 'vault', fastify: '5.x', dependencies: ['mongo'] }
)
