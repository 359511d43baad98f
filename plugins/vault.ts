import fp from 'fastify-plugin'
import { checkKeys, vaultCheckCollection } from '../src/vault/check.ts'
import { createVault, type Vault } from '../src/vault/vault.ts'

declare module 'fastify' {
  interface FastifyInstance {
    vault: Vault
  }
}

/** The key ring that seals everything secret before the database sees it. */
export default fp(
  async function vault(app) {
    const { vaultKeys } = app.config
    const vault = createVault(vaultKeys)
    const meta = app.database.collection(vaultCheckCollection)
    app.decorate('vault', vault)
    app.readiness.require('vault keys', { prepare: () => checkKeys(vault, vaultKeys, meta) })
  },
  { name: 'vault', fastify: '5.x', dependencies: ['database'] }
)
