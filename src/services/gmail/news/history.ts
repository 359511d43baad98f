import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'
import type { NewsKind, WatchRecord } from '../../../connections/watch.ts'
import { toHistoryId } from './history-id.ts'

/** Something that happened to one message. */
export interface News {
  kind: NewsKind
  messageId: string
  threadId?: string
  /** The message's labels, where Google gives them: sometimes it does not. */
  labelIds?: string[]
  addedLabelIds?: string[]
  removedLabelIds?: string[]
  /** The id of the history record that it stands in. */
  historyId: string
}

type Message = gmail_v1.Schema$Message
interface Change {
  message: Message
  added: string[]
  removed: string[]
}

/**
 * The news in one record of users.history.list. Drafts are no news, autosaves included; the account's own mail counts as
 * sent, not received; mail that arrived in spam counts as received when it leaves spam, which Google reports as a change
 * of labels, as it does for the bin.
 */
export function readHistory(record: gmail_v1.Schema$History): News[] {
  const historyId = toHistoryId(record.id)
  const arrived = (record.messagesAdded ?? []).flatMap(({ message }): News[] => {
    if (!message) return []
    return toNews(message, message.labelIds?.includes('SENT') ? 'sent' : 'received', historyId)
  })
  const changed = changesOf(record).flatMap(({ message, added, removed }) => [
    ...(removed.includes('SPAM') && !isOut(message.labelIds) ? toNews(message, 'received', historyId) : []),
    ...toNews(message, 'changed', historyId).map(news => ({
      ...news,
      ...(added.length > 0 && { addedLabelIds: added }),
      ...(removed.length > 0 && { removedLabelIds: removed })
    }))
  ])
  const deleted = (record.messagesDeleted ?? []).flatMap(({ message }) =>
    message ? toNews(message, 'deleted', historyId) : []
  )
  return [...arrived, ...changed, ...deleted]
}

/** Whether a watch asked for it. Spam and bin hold no new mail, unless the watch names their labels. */
export function isWanted({ kind, labelIds, addedLabelIds, removedLabelIds }: News, watch: WatchRecord): boolean {
  if (!watch.events.includes(kind)) return false
  const isNamed = (id: string) => watch.labelIds.includes(id)
  if (kind === 'received' && labelIds?.some(id => hidden.has(id) && !isNamed(id))) return false
  if (watch.labelIds.length === 0 || !labelIds) return true
  return [...labelIds, ...(addedLabelIds ?? []), ...(removedLabelIds ?? [])].some(isNamed)
}

const hidden = new Set(['SPAM', 'TRASH'])
const isOut = (labelIds: string[] | null | undefined) =>
  labelIds?.some(id => hidden.has(id) || id === 'SENT' || id === 'DRAFT') ?? false

function toNews({ id, threadId, labelIds }: Message, kind: NewsKind, historyId: string): News[] {
  if (!id || labelIds?.includes('DRAFT')) return []
  return [{ kind, messageId: id, ...(threadId && { threadId }), ...(labelIds && { labelIds }), historyId }]
}

/** One change for each message, also if a record both adds and removes labels. */
function changesOf({ labelsAdded, labelsRemoved }: gmail_v1.Schema$History): Change[] {
  const changes = new Map<string, Change>()
  const changeOf = (message: Message) => {
    const id = message.id ?? ''
    const change = changes.get(id) ?? { message, added: [], removed: [] }
    changes.set(id, change)
    return change
  }
  for (const { message, labelIds } of labelsAdded ?? []) {
    if (message) changeOf(message).added.push(...(labelIds ?? []))
  }
  for (const { message, labelIds } of labelsRemoved ?? []) {
    if (message) changeOf(message).removed.push(...(labelIds ?? []))
  }
  return [...changes.values()]
}
