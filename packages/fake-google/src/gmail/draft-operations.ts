import { GmailError } from '../gmail-errors.ts'
import type { Draft } from './drafts.ts'
import { findMessages, questionOf } from './message-operations.ts'
import { type Call, MODIFY, type Operation, READ } from './operation.ts'
import { readOutgoing, recipientsOf } from './outgoing.ts'
import type { Outgoing } from './outgoing-mail.ts'
import { first, toPage, toRoughEstimate } from './paging.ts'
import { readFormat, toGmailMessage, toShortMessage } from './views.ts'

const LIST = ['q', 'maxResults', 'pageToken', 'includeSpamTrash']

export const DRAFT_OPERATIONS: readonly Operation[] = [
  {
    name: 'drafts.list',
    method: 'GET',
    path: 'drafts',
    units: 5,
    scopes: READ,
    query: LIST,
    run({ user: { gmail }, query }) {
      const found = new Set(findMessages(gmail, query))
      const drafts = gmail.drafts.list().filter(({ message }) => found.has(message))
      const { items, ...rest } = toPage(drafts, query, `drafts ${questionOf(query)}`)
      const shown = items.map(({ id, message }) => ({ id, message: { id: message.id, threadId: message.threadId } }))
      return {
        ...(shown.length > 0 ? { drafts: shown } : {}),
        ...rest,
        resultSizeEstimate: toRoughEstimate(drafts.length)
      }
    }
  },
  {
    name: 'drafts.get',
    method: 'GET',
    path: 'drafts/*',
    units: 20,
    scopes: READ,
    query: ['format'],
    run({ user, ids: [id = ''], query }) {
      const draft = user.gmail.drafts.require(id)
      return { id, message: toGmailMessage(draft.message, readFormat(first(query, 'format'))) }
    }
  },
  {
    name: 'drafts.create',
    method: 'POST',
    path: 'drafts',
    units: 10,
    scopes: MODIFY,
    takesBody: true,
    takesUpload: true,
    run: call => toShortDraft(call.user.gmail.drafts.create(toOutgoing(call)))
  },
  {
    name: 'drafts.update',
    method: 'PUT',
    path: 'drafts/*',
    units: 15,
    scopes: MODIFY,
    takesBody: true,
    takesUpload: true,
    run: call => toShortDraft(call.user.gmail.drafts.update(call.ids[0] ?? '', toOutgoing(call)))
  },
  {
    name: 'drafts.delete',
    method: 'DELETE',
    path: 'drafts/*',
    units: 10,
    scopes: MODIFY,
    run: ({ user, ids: [id = ''] }) => user.gmail.drafts.delete(id)
  },
  {
    name: 'drafts.send',
    method: 'POST',
    path: 'drafts/send',
    units: 100,
    scopes: MODIFY,
    takesBody: true,
    takesUpload: true,
    run(call) {
      const { drafts } = call.user.gmail
      const id = call.body.id
      if (typeof id !== 'string' || id === '') throw new GmailError('invalidArgument', 'Missing draft id')
      if (call.upload || call.body.message !== undefined) drafts.update(id, toOutgoing(call))
      // Refused before anything happens: the draft stays.
      recipientsOf(drafts.require(id).outgoing.node.headers)
      return toShortMessage(call.outbox.send(call.user, drafts.take(id)))
    }
  }
]

function toOutgoing({ body, upload }: Call): Outgoing {
  if (upload) return upload
  const unknown = Object.keys(body).find(key => !['id', 'message'].includes(key))
  if (unknown !== undefined) throw new GmailError('invalidArgument', `Unknown name "${unknown}"`)
  const { message } = body
  if (typeof message !== 'object' || message === null) throw new GmailError('invalidArgument', 'Missing draft message')
  return readOutgoing(message as Record<string, unknown>)
}

function toShortDraft({ id, message }: Draft): unknown {
  return { id, message: toShortMessage(message) }
}
