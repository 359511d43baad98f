import { systemClock } from '../clock.ts'
import { type Config, parseConfig } from '../config/config.ts'
import { createMongoClient } from '../database/client.ts'
import { createDatabaseClock, type DatabaseClock } from '../database/clock.ts'
import { createDatabase, type Database } from '../database/database.ts'
import { checkKeys, vaultCheckCollection } from '../vault/check.ts'
import { createVault, type Vault } from '../vault/vault.ts'

/** What a command works with: the server's own configuration and database. */
export interface Toolbox {
  config: Config
  database: Database
  clock: DatabaseClock
  vault: Vault
}

/** The command was called wrongly; its message says how. */
export class UsageError extends Error {}

/** The command did not do all it was asked for; its message says what is left. */
export class CommandFailure extends Error {}

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
    const database = createDatabase(db)
    const clock = createDatabaseClock(systemClock, async () => (await db.command({ hello: 1 })).localTime)
    const vault = createVault(config.vaultKeys)
    await clock.sync()
    await checkKeys(vault, config.vaultKeys, database.collection(vaultCheckCollection))
    await command({ config, database, clock, vault })
  } finally {
    await client.close()
  }
}
