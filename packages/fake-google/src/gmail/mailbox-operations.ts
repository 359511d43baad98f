import { GmailError } from '../gmail-errors.ts'
import { HISTORY_TYPES, type HistoryRecord, type HistoryType } from './history.ts'
import type { Label } from './labels.ts'
import { type Call, MODIFY, type Operation, READ } from './operation.ts'
import { first, toPage } from './paging.ts'
import { startWatch } from './watch.ts'

const label = (call: Call): Label => call.user.gmail.labels.require(call.ids[0] ?? '')

export const MAILBOX_OPERATIONS: readonly Operation[] = [
  {
    name: 'getProfile',
    method: 'GET',
    path: 'profile',
    units: 1,
    scopes: READ,
    run({ user: { email, gmail } }) {
      const messages = gmail.list()
      const threadsTotal = new Set(messages.map(message => message.threadId)).size
      return {
        emailAddress: email,
        messagesTotal: messages.length,
        threadsTotal,
        historyId: String(gmail.history.current())
      }
    }
  },
  {
    name: 'settings.sendAs.list',
    method: 'GET',
    path: 'settings/sendAs',
    units: 1,
    scopes: READ,
    run: ({ user }) => ({ sendAs: toSendAs(user) })
  },
  {
    name: 'settings.sendAs.get',
    method: 'GET',
    path: 'settings/sendAs/*',
    units: 1,
    scopes: READ,
    run({ user, ids: [address = ''] }) {
      const found = toSendAs(user).find(({ sendAsEmail }) => sendAsEmail === address)
      if (!found) throw new GmailError('notFound')
      return found
    }
  },
  {
    name: 'labels.list',
    method: 'GET',
    path: 'labels',
    units: 1,
    scopes: READ,
    run: ({ user }) => ({ labels: user.gmail.labels.list() })
  },
  {
    name: 'labels.get',
    method: 'GET',
    path: 'labels/*',
    units: 1,
    scopes: READ,
    run: call => ({ ...label(call), ...countsOf(call) })
  },
  {
    name: 'labels.create',
    method: 'POST',
    path: 'labels',
    units: 5,
    scopes: MODIFY,
    takesBody: true,
    run: ({ user, body }) => user.gmail.labels.create(body)
  },
  {
    name: 'labels.patch',
    method: 'PATCH',
    path: 'labels/*',
    units: 5,
    scopes: MODIFY,
    takesBody: true,
    run: ({ user, ids: [id = ''], body }) => user.gmail.labels.update(id, body, false)
  },
  {
    name: 'labels.update',
    method: 'PUT',
    path: 'labels/*',
    units: 5,
    scopes: MODIFY,
    takesBody: true,
    run: ({ user, ids: [id = ''], body }) => user.gmail.labels.update(id, body, true)
  },
  {
    name: 'labels.delete',
    method: 'DELETE',
    path: 'labels/*',
    units: 5,
    scopes: MODIFY,
    run({ user: { gmail }, ids: [id = ''] }) {
      gmail.labels.delete(id)
      for (const message of gmail.list()) gmail.changeLabels(message, [], [id])
    }
  },
  {
    name: 'history.list',
    method: 'GET',
    path: 'history',
    units: 2,
    scopes: READ,
    query: ['startHistoryId', 'labelId', 'historyTypes', 'maxResults', 'pageToken'],
    run: listHistory
  },
  {
    name: 'watch',
    method: 'POST',
    path: 'watch',
    units: 100,
    scopes: READ,
    takesBody: true,
    run: ({ user, body, nowMs }) => startWatch(user.gmail, body, nowMs())
  },
  {
    name: 'stop',
    method: 'POST',
    path: 'stop',
    units: 50,
    scopes: READ,
    run({ user }) {
      user.gmail.watch = undefined
    }
  }
]

function toSendAs({ email, name, gmail }: Call['user']) {
  const hasOtherDefault = gmail.aliases.some(alias => alias.isDefault)
  const primary = {
    sendAsEmail: email,
    displayName: name,
    replyToAddress: '',
    signature: '',
    isPrimary: true,
    isDefault: !hasOtherDefault
  }
  const others = gmail.aliases.map(({ isDefault, verificationStatus = 'accepted', ...alias }) => {
    return {
      displayName: '',
      replyToAddress: '',
      signature: '',
      treatAsAlias: true,
      ...alias,
      ...(isDefault ? { isDefault } : {}),
      verificationStatus
    }
  })
  return [primary, ...others]
}

function countsOf({ user: { gmail }, ids: [id = ''] }: Call): Record<string, number> {
  const carrying = gmail.list().filter(({ labelIds }) => labelIds.includes(id))
  const unread = carrying.filter(({ labelIds }) => labelIds.includes('UNREAD'))
  const threads = (list: typeof carrying) => new Set(list.map(({ threadId }) => threadId)).size
  return {
    messagesTotal: carrying.length,
    messagesUnread: unread.length,
    threadsTotal: threads(carrying),
    threadsUnread: threads(unread)
  }
}

function listHistory({ user: { gmail }, query }: Call): unknown {
  const start = first(query, 'startHistoryId') ?? ''
  if (!/^\d{1,20}$/.test(start)) throw new GmailError('invalidArgument', 'Missing or invalid startHistoryId')
  const types = query.get('historyTypes') ?? HISTORY_TYPES
  const unknown = types.find(type => !HISTORY_TYPES.includes(type as HistoryType))
  if (unknown !== undefined) throw new GmailError('invalidArgument', 'historyTypes')
  const labelId = first(query, 'labelId')
  const records = gmail.history.since(BigInt(start)).filter(record => {
    return types.includes(record.type) && (labelId === undefined || record.message.labelIds.includes(labelId))
  })
  const question = JSON.stringify(['history', start, types, labelId])
  const { items, ...rest } = toPage(records, query, question, gmail.emptyPages.history)
  const history = items.map(record => toHistory(record, gmail.forgetsLabelIds))
  return { ...(history.length > 0 ? { history } : {}), ...rest, historyId: String(gmail.history.current()) }
}

function toHistory(
  { id, type, message: { labelIds: carried, ...ids }, labelIds }: HistoryRecord,
  forgets: boolean
): unknown {
  const message = forgets ? ids : { ...ids, labelIds: carried }
  const base = { id: String(id), messages: [ids] }
  switch (type) {
    case 'messageAdded':
      return { ...base, messagesAdded: [{ message }] }
    case 'messageDeleted':
      return { ...base, messagesDeleted: [{ message }] }
    case 'labelAdded':
      return { ...base, labelsAdded: [{ message, labelIds }] }
    case 'labelRemoved':
      return { ...base, labelsRemoved: [{ message, labelIds }] }
  }
}
