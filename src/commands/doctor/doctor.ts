import { systemClock } from '../../clock.ts'
import { parseConfig } from '../../config/config.ts'
import { ConfigError } from '../../config/config-error.ts'
import { createMongoClient } from '../../database/client.ts'
import { createDatabaseClock } from '../../database/clock.ts'
import { createDatabase } from '../../database/database.ts'
import { createBoundedFetch } from '../../google/bounded-fetch.ts'
import { createEndpoints } from '../../google/endpoints.ts'
import { safeCodeOf } from '../../observability/log.ts'
import { createVault } from '../../vault/vault.ts'
import { checkCors } from './cors.ts'
import { checkDatabase } from './database.ts'
import { type Check, type Finding, fault, notChecked, ok, type Patient } from './finding.ts'
import { checkGoogleApis } from './google-apis.ts'
import { checkGoogleClient } from './google-client.ts'
import { checkProxy } from './proxy.ts'
import { checkPubsub } from './pubsub.ts'
import { checkTestingMode } from './testing-mode.ts'
import { checkVault } from './vault.ts'
import { checkWebhook } from './webhook.ts'

export interface Examined extends Finding {
  check: string
}

const overDatabase: Record<string, Check> = {
  database: checkDatabase,
  vault: checkVault,
  'Testing mode': checkTestingMode,
  'Google APIs': checkGoogleApis,
  webhook: checkWebhook,
  'Pub/Sub': checkPubsub
}
const overNetwork: Record<string, Check> = { 'Google client': checkGoogleClient, proxy: checkProxy, CORS: checkCors }
const timeoutMs = 10_000
const maxBytes = 2 * 1024 * 1024

/** Everything there is to say about a set-up, part by part; a part that cannot be looked at says why. */
export async function examine(environment: NodeJS.ProcessEnv): Promise<Examined[]> {
  try {
    return await examineWith(parseConfig(environment))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const remedy = 'docs/environment.md has every variable; all else waits for this.'
    return error.faults.map(({ variable, problem }) => ({
      check: 'environment',
      ...fault(`${variable} ${problem}`, remedy)
    }))
  }
}

async function examineWith(config: Patient['config']): Promise<Examined[]> {
  const fetch = createBoundedFetch({ timeoutMs, maxBytes })
  const client = createMongoClient(config.mongodbUri)
  const db = client.db()
  const clock = createDatabaseClock(systemClock, async () => (await db.command({ hello: 1 })).localTime)
  const patient: Patient = {
    config,
    database: createDatabase(db),
    clock,
    vault: createVault(config.vaultKeys),
    command: command => db.command(command),
    fetch,
    endpoints: createEndpoints(config.google.issuer, fetch)
  }
  const run = async (checks: Record<string, Check>) =>
    (
      await Promise.all(
        Object.entries(checks).map(async ([check, look]) =>
          (await look(patient).catch(toFinding)).map(finding => ({ check, ...finding }))
        )
      )
    ).flat()
  try {
    const environment = { check: 'environment', ...ok('every variable is as it should be') }
    const elsewhere = run(overNetwork)
    const reached = await clock.sync().then(
      () => undefined,
      error => safeCodeOf(error)
    )
    if (reached === undefined) return [environment, ...(await run(overDatabase)), ...(await elsewhere)]
    const remedy = 'Start MongoDB; check host, user, password and TLS in MONGODB_URI.'
    const database = { check: 'database', ...fault(`MongoDB cannot be reached (${reached})`, remedy) }
    const waiting = Object.keys(overDatabase)
      .filter(check => check !== 'database')
      .map(check => ({ check, ...notChecked('the database comes first') }))
    return [environment, database, ...waiting, ...(await elsewhere)]
  } finally {
    await client.close()
  }
}

const toFinding = (error: unknown) => [notChecked(`it could not be looked at (${safeCodeOf(error)})`)]
