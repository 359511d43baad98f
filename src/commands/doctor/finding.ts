import type { Config } from '../../config/config.ts'
import type { DatabaseClock } from '../../database/clock.ts'
import type { Database } from '../../database/database.ts'
import type { Fetch } from '../../google/bounded-fetch.ts'
import type { Endpoints } from '../../google/endpoints.ts'
import type { Vault } from '../../vault/vault.ts'

/** What a check found. No text of it may hold a secret, or what another server said. */
export interface Finding {
  state: 'ok' | 'warning' | 'fault' | 'not checked'
  found: string
  /** How to fix it, if there is something to fix. */
  remedy?: string
}

/** What checks may use; they change nothing, except for the test delivery to the webhook. */
export interface Patient {
  config: Config
  database: Database
  clock: DatabaseClock
  vault: Vault
  /** Sends an admin command to the database. */
  command(command: Record<string, unknown>): Promise<Record<string, unknown>>
  /** Bounded in time and size; follows no redirect. */
  fetch: Fetch
  endpoints: () => Promise<Endpoints>
}

export type Check = (patient: Patient) => Promise<Finding[]>

export const ok = (found: string): Finding => ({ state: 'ok', found })
export const warning = (found: string, remedy: string): Finding => ({ state: 'warning', found, remedy })
export const fault = (found: string, remedy: string): Finding => ({ state: 'fault', found, remedy })
export const notChecked = (found: string): Finding => ({ state: 'not checked', found })
