import { GmailError } from '../gmail-errors.ts'
import { readLabelChange, readStrings } from './label-change.ts'
import { findByAttachmentId, type StoredMessage } from './message.ts'
import { type Call, GET_QUERY, LIST_QUERY, MODIFY, type Operation, READ } from './operation.ts'
import { readOutgoing } from './outgoing.ts'
import { first, type Query, toPage, toRoughEstimate } from './paging.ts'
import { toSearch } from './search.ts'
import { readFormat, toGmailMessage, toShortMessage } from './views.ts'

const one = ({ user, ids: [id = ''] }: Call): StoredMessage => user.gmail.require(id)

export const MESSAGE_OPERATIONS: readonly Operation[] = [
  {
    name: 'messages.list',
    method: 'GET',
    path: 'messages',
    units: 5,
    scopes: READ,
    query: LIST_QUERY,
    run({ user: { gmail }, query }) {
      const found = findMessages(gmail, query)
      const { items, ...rest } = toPage(found, query, `messages ${questionOf(query)}`, gmail.emptyPages.messages)
      // Google leaves the list out when it is empty.
      const messages = items.length > 0 ? { messages: items.map(({ id, threadId }) => ({ id, threadId })) } : {}
      return { ...messages, ...rest, resultSizeEstimate: toRoughEstimate(found.length) }
    }
  },
  {
    name: 'messages.get',
    method: 'GET',
    path: 'messages/*',
    units: 20,
    scopes: READ,
    query: GET_QUERY,
    run: call => toGmailMessage(one(call), readFormat(first(call.query, 'format')), call.query.get('metadataHeaders'))
  },
  {
    name: 'messages.attachments.get',
    method: 'GET',
    path: 'messages/*/attachments/*',
    units: 20,
    scopes: READ,
    run(call) {
      const part = findByAttachmentId(one(call), call.ids[1] ?? '')
      // Not the client's fault: an id ends with the next answer.
      if (!part?.content) throw new GmailError('invalidArgument', 'Invalid attachment token', { isExpected: true })
      return { size: part.content.size, data: part.content }
    }
  },
  {
    name: 'messages.modify',
    method: 'POST',
    path: 'messages/*/modify',
    units: 5,
    scopes: MODIFY,
    takesBody: true,
    run(call) {
      const { add, remove } = readLabelChange(call.user.gmail.labels, call.body, [])
      return changed(call, one(call), add, remove)
    }
  },
  {
    name: 'messages.batchModify',
    method: 'POST',
    path: 'messages/batchModify',
    units: 50,
    scopes: MODIFY,
    takesBody: true,
    run({ user: { gmail }, body }) {
      const { add, remove } = readLabelChange(gmail.labels, body, ['ids'])
      const ids = readStrings(body, 'ids')
      if (ids.length === 0) throw new GmailError('invalidArgument', 'No message ids specified')
      if (ids.length > 1000) throw new GmailError('invalidArgument', 'Number of ids cannot exceed 1000')
      // Ids that do not exist are passed over in silence.
      const found = ids.map(id => gmail.find(id)).filter(message => message !== undefined)
      for (const message of found) requireNoDraft(message)
      for (const message of found) gmail.changeLabels(message, add, remove)
    }
  },
  {
    name: 'messages.trash',
    method: 'POST',
    path: 'messages/*/trash',
    units: 20,
    scopes: MODIFY,
    run: call => changed(call, one(call), ['TRASH'], ['INBOX'])
  },
  {
    name: 'messages.untrash',
    method: 'POST',
    path: 'messages/*/untrash',
    units: 5,
    scopes: MODIFY,
    run: call => changed(call, one(call), [], ['TRASH'])
  },
  {
    name: 'messages.send',
    method: 'POST',
    path: 'messages/send',
    units: 100,
    scopes: MODIFY,
    takesBody: true,
    takesUpload: true,
    run: ({ user, body, upload, outbox }) => toShortMessage(outbox.send(user, upload ?? readOutgoing(body)))
  }
]

function changed(call: Call, message: StoredMessage, add: string[], remove: string[]): unknown {
  if (!add.includes('TRASH')) requireNoDraft(message, add)
  call.user.gmail.changeLabels(message, add, remove)
  return toShortMessage(message)
}

/** Drafts carry no other label. */
export function requireNoDraft({ labelIds }: StoredMessage, add: readonly string[] = ['?']): void {
  if (add.length > 0 && labelIds.includes('DRAFT'))
    throw new GmailError('invalidArgument', 'Invalid label: a draft takes none')
}

export function findMessages(gmail: Call['user']['gmail'], query: Query): StoredMessage[] {
  const { matches, isEverywhere } = toSearch(first(query, 'q') ?? '', gmail.labels)
  const labelIds = query.get('labelIds') ?? []
  const isHidden = (label: string) =>
    !isEverywhere && first(query, 'includeSpamTrash') !== 'true' && !labelIds.includes(label)
  const hidden = ['SPAM', 'TRASH'].filter(isHidden)
  return gmail.list().filter(message => {
    return (
      labelIds.every(label => message.labelIds.includes(label)) &&
      !hidden.some(label => message.labelIds.includes(label)) &&
      matches(message)
    )
  })
}

/** What a page's token belongs to. */
export function questionOf(query: Query): string {
  return JSON.stringify([query.get('q'), query.get('labelIds'), query.get('includeSpamTrash')])
}
