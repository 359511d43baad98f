import { readLabelChange } from './label-change.ts'
import type { StoredMessage } from './message.ts'
import { findMessages, questionOf, requireNoDraft } from './message-operations.ts'
import { type Call, GET_QUERY, LIST_QUERY, MODIFY, type Operation, READ } from './operation.ts'
import { first, toPage, toRoughEstimate } from './paging.ts'
import { readFormat, toGmailMessage, toShortMessage } from './views.ts'

const one = ({ user, ids: [id = ''] }: Call): StoredMessage[] => user.gmail.requireThread(id)

export const THREAD_OPERATIONS: readonly Operation[] = [
  {
    name: 'threads.list',
    method: 'GET',
    path: 'threads',
    units: 10,
    scopes: READ,
    query: LIST_QUERY,
    run({ user: { gmail }, query }) {
      const newest = new Map<string, StoredMessage>()
      for (const message of findMessages(gmail, query))
        if (!newest.has(message.threadId)) newest.set(message.threadId, message)
      const { items, ...rest } = toPage(
        [...newest.values()],
        query,
        `threads ${questionOf(query)}`,
        gmail.emptyPages.messages
      )
      const threads = items.map(({ threadId, snippet }) => ({
        id: threadId,
        snippet,
        historyId: newestChange(gmail.requireThread(threadId))
      }))
      return { ...(threads.length > 0 ? { threads } : {}), ...rest, resultSizeEstimate: toRoughEstimate(newest.size) }
    }
  },
  {
    name: 'threads.get',
    method: 'GET',
    path: 'threads/*',
    units: 40,
    scopes: READ,
    query: GET_QUERY,
    run(call) {
      const thread = one(call)
      const format = readFormat(first(call.query, 'format'), ['minimal', 'metadata', 'full'])
      const messages = thread.map(message => toGmailMessage(message, format, call.query.get('metadataHeaders')))
      return { id: call.ids[0], historyId: newestChange(thread), messages }
    }
  },
  {
    name: 'threads.modify',
    method: 'POST',
    path: 'threads/*/modify',
    units: 10,
    scopes: MODIFY,
    takesBody: true,
    run(call) {
      const { add, remove } = readLabelChange(call.user.gmail.labels, call.body, [])
      return changeAll(call, one(call), add, remove)
    }
  },
  {
    name: 'threads.trash',
    method: 'POST',
    path: 'threads/*/trash',
    units: 20,
    scopes: MODIFY,
    run: call => changeAll(call, one(call), ['TRASH'], ['INBOX'])
  },
  {
    name: 'threads.untrash',
    method: 'POST',
    path: 'threads/*/untrash',
    units: 10,
    scopes: MODIFY,
    run: call => changeAll(call, one(call), [], ['TRASH'])
  }
]

function changeAll(call: Call, thread: StoredMessage[], add: string[], remove: string[]): unknown {
  // Drafts of the conversation are left alone.
  const messages = thread.filter(({ labelIds }) => add.includes('TRASH') || !labelIds.includes('DRAFT'))
  for (const message of messages) {
    if (!add.includes('TRASH')) requireNoDraft(message, add)
    call.user.gmail.changeLabels(message, add, remove)
  }
  return { id: call.ids[0], messages: thread.map(toShortMessage) }
}

function newestChange(thread: readonly StoredMessage[]): string {
  const [newest = 0n] = thread.map(({ historyId }) => historyId).sort((one, other) => Number(other - one))
  return String(newest)
}
