import { urlUnder } from '../config/public-url.ts'
import type { ConnectionRecord } from './record.ts'

/** Where a browser starts a connection. None holds a secret. */
export interface ConnectLinks {
  /** Repairs that connection: its user is sent to Google for it. */
  repair(connection: Pick<ConnectionRecord, '_id' | 'service'>): string
  /** Names no connection, and so forces a consent: nothing less helps when Google refuses although the record is in order. */
  fresh(service: string): string
}

export function createConnectLinks(publicUrl: URL): ConnectLinks {
  const fresh = (service: string) => urlUnder(publicUrl, `/connect/${service}`).href
  return { fresh, repair: ({ _id, service }) => `${fresh(service)}?connectionId=${_id.toHexString()}` }
}
