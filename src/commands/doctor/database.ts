import type { IndexDescription } from 'mongodb'
import { sessionCollection } from '../../accounts/sessions.ts'
import { ticketCollection } from '../../accounts/tickets.ts'
import { userCollection } from '../../accounts/users.ts'
import { connectionCollection } from '../../connections/repository.ts'
import { revocationCollection } from '../../connections/revocations.ts'
import type { CollectionOf } from '../../database/database.ts'
import { eventCollection } from '../../events/event-list.ts'
import { flowCollection } from '../../flows/flows.ts'
import { sendCollection } from '../../services/gmail/idempotency.ts'
import { quotaCollection } from '../../services/gmail/quota.ts'
import { type Check, type Finding, fault, ok, type Patient, warning } from './finding.ts'

const collections = [
  userCollection,
  sessionCollection,
  ticketCollection,
  flowCollection,
  connectionCollection,
  revocationCollection,
  eventCollection,
  sendCollection,
  quotaCollection
] as readonly CollectionOf<object>[]
const oldestMajor = 6
const clockToleranceMs = 5_000

/** The server's version and kind, its indexes, its clock. */
export const checkDatabase: Check = async patient => [
  await checkVersion(patient),
  await checkMajority(patient),
  await checkIndexes(patient),
  checkClock(patient)
]

async function checkVersion({ command }: Patient): Promise<Finding> {
  const { version } = await command({ buildInfo: 1 })
  const major = Number(String(version).split('.', 1)[0])
  if (major >= oldestMajor) return ok(`MongoDB ${major} answers`)
  return warning(`MongoDB ${major} answers, which MongoDB no longer maintains`, 'Update it to MongoDB 8.')
}

async function checkMajority({ command }: Patient): Promise<Finding> {
  const { setName, msg, isWritablePrimary } = await command({ hello: 1 })
  if (isWritablePrimary === false)
    return fault('the server takes no writes', 'Name the whole replica set in MONGODB_URI.')
  if (setName !== undefined || msg === 'isdbgrid') return ok('writes wait for the majority of a replica set')
  return warning('a single server: what it loses is lost', 'For more than one machine, run a replica set of three.')
}

async function checkIndexes({ database }: Patient): Promise<Finding> {
  const missing: string[] = []
  for (const of of collections) {
    const found = await database
      .collection(of)
      .indexes()
      .catch(() => [])
    const has = (wanted: IndexDescription) =>
      found.some(
        ({ key, unique = false, expireAfterSeconds }) =>
          JSON.stringify(key) === JSON.stringify(wanted.key) &&
          Boolean(unique) === Boolean(wanted.unique) &&
          expireAfterSeconds === wanted.expireAfterSeconds
      )
    missing.push(...of.indexes.filter(index => !has(index)).map(({ key }) => `${of.name} ${JSON.stringify(key)}`))
  }
  if (missing.length === 0) return ok('every index is there')
  return warning(
    `${missing.length} indexes are missing or differ: ${missing.slice(0, 3).join(', ')}`,
    'The server makes those that are missing when it starts; drop one that differs, then start it.'
  )
}

function checkClock({ clock }: Patient): Finding {
  const offsetMs = Math.abs(clock.nowMs() - Date.now())
  if (offsetMs <= clockToleranceMs) return ok('the clocks of this machine and of the database agree')
  return fault(
    `the database's clock is ${Math.round(offsetMs / 1000)} s away from this machine's`,
    'Let NTP set both: Google refuses what comes from the past or the future.'
  )
}
