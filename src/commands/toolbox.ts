import { systemClock } from '../clock.ts'
import { type Config, parseConfig } from '../config/config.ts'
import { createDatabaseClock, type DatabaseClock } from '../database/clock.ts'
import { type Collections, createCollections, createMongoClient } from '../database/database.ts'
import { checkKeys } from '../vault/check.ts'
import { createVault, type Vault } from '../vault/vault.ts'

/** What a command works with: the server's own configuration and database. */
export interface Toolbox {
  config: Config
  collections: Collections
  clock: DatabaseClock
  vault: Vault
}

/** The command was called wrongly; its message says how. */
export class UsageError extends Error {}

/** Runs a command over the database of that environment, and closes it. */
export async function withToolbox(
  variables: NodeJS.ProcessEnv,
  command: (tools: Toolbox) => Promise<void>
): Promise<void> {
  const config = parseConfig(variables)
  // No request waits for a command: a count or a look through everything may take as long as it takes.
  const client = createMongoClient(config.mongodbUri, { socketTimeoutMS: 0 })
  try {
    const db = client.db()
    const collections = createCollections(db)
    const clock = createDatabaseClock(systemClock, async () => (await db.command({ hello: 1 })).localTime)
    const vault = createVault(config.vaultKeys)
    await clock.sync()
    await checkKeys(vault, config.vaultKeys, collections.meta)
    await command({ config, collections, clock, vault })
  } finally {
    await client.close()
  }
}
