// Written by `npm run client` from the schemas of src/http/views.

export interface User {
  id: string
  email: string | null
  name: string | null
  picture: string | null
  externalId: string | null
}

export interface Connection {
  id: string
  userId: string
  /** The host app's id of the user, where a ticket brought the user. */
  externalId?: string
  service: string
  account: {
    sub: string
    email: string
  }
  status: 'active' | 'partial' | 'needs_reconnect'
  /** Why the connection needs to be made again. */
  reason?: 'revoked' | 'reauth_required' | 'admin_policy' | 'account_disabled' | 'refresh_token_expired' | 'refresh_token_missing' | 'reported_by_google'
  grantedScopes: Array<string>
  missingScopes: Array<string>
  /** Where the user repairs what is wrong; holds no secret. */
  connectUrl?: string
  createdAt: string
  updatedAt: string
  lastRefreshedAt?: string
  /** When Google ends the grant, where it says so. */
  refreshTokenExpiresAt?: string
  /** How its mailbox is followed, where somebody asked for that. */
  watch?: WatchSummary
}

export interface WatchSummary {
  /** By push; by polling; by polling, for pushes have stopped; not at all. */
  status: 'active' | 'polling' | 'lapsed' | 'off'
  mode: 'push' | 'poll' | null
  events: Array<'received' | 'sent' | 'changed' | 'deleted'>
  /** News of messages with one of these labels only; empty: of all. */
  labelIds: Array<string>
  since: string | null
  /** When pushes end unless they are renewed, which is done daily. */
  expiresAt: string | null
  /** When Google last pushed. */
  lastNotifiedAt: string | null
  /** All that happened up to here is told. */
  lastSyncedAt: string | null
  /** Why Google could not be asked last time, or why it sends no pushes. */
  error: {
    code: string
    detail: string
  } | null
}

export interface Disconnected {
  id: string
  revoked: 'confirmed' | 'pending' | 'kept'
}

export interface Event {
  /** The same in every delivery. */
  id: string
  type: string
  createdAt: string
  /** The connection, for what happened to it; ids alone, for what happened in its mailbox. */
  data: {
    connection?: Connection
    connectionId?: string
    externalId?: string
    messageId?: string
    threadId?: string
    labelIds?: Array<string>
    addedLabelIds?: Array<string>
    removedLabelIds?: Array<string>
    historyId?: string
  }
}

export interface Started {
  /** Where to send the browser. */
  url: string
  /** Until when the callback is taken. */
  expiresAt: string
}
