import { GMAIL_MODIFY, GMAIL_READONLY } from '../scopes.ts'
import type { User } from '../users.ts'
import type { Outgoing } from './outgoing-mail.ts'
import type { Query } from './paging.ts'
import type { Outbox } from './sending.ts'

/** What a method works with. */
export interface Call {
  user: User
  ids: string[]
  query: Query
  body: Record<string, unknown>
  /** The mail of an upload. */
  upload: Outgoing | undefined
  outbox: Outbox
  nowMs: () => number
}

export interface Operation {
  /** As in Google's reference. */
  name: string
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** `*` stands for an id. */
  path: string
  units: number
  scopes: readonly string[]
  /** Besides `alt=json`, `prettyPrint` and `fields`, which all of Google's APIs know. */
  query?: readonly string[]
  takesBody?: boolean
  /** Its mail may come under /upload, up to 35 MB. */
  takesUpload?: boolean
  /** undefined is an answer without a body. */
  run(call: Call): unknown
}

export const READ = [GMAIL_READONLY, GMAIL_MODIFY]
export const MODIFY = [GMAIL_MODIFY]

export const LIST_QUERY = ['q', 'labelIds', 'maxResults', 'pageToken', 'includeSpamTrash']
export const GET_QUERY = ['format', 'metadataHeaders']
