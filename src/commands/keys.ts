import { backendKeyCollection, createBackendKeys, type Operation, operations } from '../backend/keys.ts'
import { findService } from '../catalogue.ts'
import { type Toolbox, UsageError } from './toolbox.ts'

interface KeyOptions {
  name?: string | undefined
  ops?: string | undefined
  services?: string | undefined
  expires?: string | undefined
  json: boolean
}

const dayMs = 86_400_000

/** Prints the key alone, this once. @throws UsageError */
export async function createKey(
  { database, clock }: Toolbox,
  { name, ops, services, expires, json }: KeyOptions,
  { out, note }: { out(text: string): void; note(text: string): void }
): Promise<void> {
  if (!name || name.length > 100) throw new UsageError('Give the key a --name of up to 100 characters.')
  const expiresAt = toExpiry(expires, clock.nowMs())
  const keys = createBackendKeys({ collection: database.collection(backendKeyCollection), clock })
  const { id, key } = await keys.create({
    name,
    operations: toOperations(ops),
    services: toServices(services),
    expiresAt
  })
  if (json) return out(JSON.stringify({ id, key, name, expiresAt: expiresAt?.toISOString() ?? null }))
  note(`Key ${id} is made. It is shown this once:`)
  out(key)
}

export async function listKeys(
  { database, clock }: Toolbox,
  { json }: KeyOptions,
  { out }: { out(text: string): void }
): Promise<void> {
  const keys = await createBackendKeys({ collection: database.collection(backendKeyCollection), clock }).list()
  const views = keys.map(({ _id, hash, ...rest }) => ({ id: _id, ...rest }))
  if (json) return out(JSON.stringify(views))
  for (const { id, name, operations, services, expiresAt, revokedAt } of views) {
    const state = revokedAt
      ? `revoked ${revokedAt.toISOString()}`
      : expiresAt
        ? `until ${expiresAt.toISOString()}`
        : 'no expiry'
    out([id, name, operations.join(','), services?.join(',') ?? 'all services', state].join('\t'))
  }
}

/** @throws UsageError for an id that no living key has */
export async function revokeKey(
  { database, clock }: Toolbox,
  id: string | undefined,
  { note }: { note(text: string): void }
): Promise<void> {
  const revoked =
    id !== undefined &&
    (await createBackendKeys({ collection: database.collection(backendKeyCollection), clock }).revoke(id))
  if (!revoked) throw new UsageError('There is no living key of that id; «guichet keys list» shows them.')
  note(`Key ${id} is revoked: it is dead at every replica within five seconds.`)
}

function toOperations(list: string | undefined): Operation[] {
  const wanted = items(list)
  const known = operations.filter(operation => wanted.includes(operation))
  if (known.length === 0 || known.length < new Set(wanted).size) {
    throw new UsageError(`--ops must be a comma list of ${operations.join(', ')}.`)
  }
  return known
}

function toServices(list: string | undefined): string[] | null {
  if (list === undefined) return null
  const wanted = items(list)
  if (wanted.length === 0 || !wanted.every(findService))
    throw new UsageError('--services must be a comma list of services of the catalogue.')
  return wanted
}

function toExpiry(days: string | undefined, nowMs: number): Date | null {
  if (days === undefined) return null
  if (!/^[1-9]\d{0,4}$/.test(days)) throw new UsageError('--expires must be a number of days.')
  return new Date(nowMs + Number(days) * dayMs)
}

function items(list = ''): string[] {
  return list
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
}
