import { ObjectId } from 'mongodb'
import { urlUnder } from '../config/public-url.ts'
import { type ConnectionRecord, reasons, statusOf } from '../connections/record.ts'
import { connectionCollection } from '../connections/repository.ts'
import { toConnectionView } from '../http/views/connection.ts'
import { type Toolbox, UsageError } from './toolbox.ts'

interface Filters {
  user?: string | undefined
  'external-id'?: string | undefined
  service?: string | undefined
  status?: string | undefined
  json: boolean
}

/** Every connection that fits, oldest first; never a token. */
export async function listConnections(
  { database, config }: Toolbox,
  { user, 'external-id': externalId, service, status, json }: Filters,
  { out, note }: { out(text: string): void; note(text: string): void }
): Promise<void> {
  if (user !== undefined && !ObjectId.isValid(user)) throw new UsageError('--user is the id of a user.')
  if (status !== undefined && !['active', 'partial', 'needs_reconnect'].includes(status))
    throw new UsageError('--status is one of active, partial, needs_reconnect.')
  const found = database
    .collection(connectionCollection)
    .find({
      live: true,
      ...(user !== undefined && { userId: new ObjectId(user) }),
      ...(externalId !== undefined && { externalId }),
      ...(service !== undefined && { service }),
      ...(status !== undefined && { deadReason: status === 'needs_reconnect' ? { $in: [...reasons] } : null })
    })
    .sort({ _id: 1 })
  let count = 0
  for await (const record of found) {
    if (status !== undefined && statusOf(record) !== status) continue
    count++
    const view = toView(record, config.publicUrl)
    if (json) out(JSON.stringify(view))
    else out([view.id, view.service, view.account.email, view.reason ?? view.status, view.externalId ?? ''].join('\t'))
  }
  note(`${count} connections.`)
}

/** @throws UsageError for an id that no connection has */
export async function showConnection(
  { database, config }: Toolbox,
  id: string | undefined,
  { json }: { json: boolean },
  { out }: { out(text: string): void }
): Promise<void> {
  const record =
    id !== undefined && ObjectId.isValid(id)
      ? await database.collection(connectionCollection).findOne({ _id: new ObjectId(id), live: true })
      : null
  if (!record) throw new UsageError('Give the id of a connection, as «guichet connections list» shows it.')
  out(JSON.stringify(toView(record, config.publicUrl), null, json ? 0 : 2))
}

const toView = (record: ConnectionRecord, publicUrl: URL) =>
  toConnectionView(record, ({ service, _id }) => {
    const url = urlUnder(publicUrl, `/connect/${service}`)
    url.searchParams.set('connectionId', _id.toHexString())
    return url.href
  })
