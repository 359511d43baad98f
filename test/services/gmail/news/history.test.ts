import t from 'tap'
import type { NewsKind, WatchRecord } from '../../../../src/connections/watch.ts'
import { isWanted, type News, readHistory } from '../../../../src/services/gmail/news/history.ts'

type Labels = string[] | undefined
const message = (id: string, labelIds: Labels) => ({ id, threadId: `t${id}`, ...(labelIds && { labelIds }) })
const added = (...labelIds: string[]) => ({ id: '7', messagesAdded: [{ message: message('m', labelIds) }] })
const kinds = (news: News[]) => news.map(({ kind }) => kind)

function watch(events: NewsKind[], labelIds: string[] = []): WatchRecord {
  return { events, labelIds } as unknown as WatchRecord
}
const told = (record: Parameters<typeof readHistory>[0], labelIds: string[] = [], events: NewsKind[] = ['received']) =>
  kinds(readHistory(record).filter(news => isWanted(news, watch(events, labelIds))))

t.test('[G34] history › a mail arrives › received', async t => {
  t.same(readHistory(added('INBOX', 'UNREAD')), [
    { kind: 'received', messageId: 'm', threadId: 'tm', labelIds: ['INBOX', 'UNREAD'], historyId: '7' }
  ])
  const withoutLabels = { id: '7', messagesAdded: [{ message: message('m', undefined) }] }
  t.same(
    readHistory(withoutLabels),
    [{ kind: 'received', messageId: 'm', threadId: 'tm', historyId: '7' }],
    'Google leaves the labels out at times'
  )
})

t.test('[G34] history › a draft is saved, changed and deleted › no event', async t => {
  t.same(readHistory(added('DRAFT')), [])
  const labels = [{ message: message('m', ['DRAFT', 'STARRED']), labelIds: ['STARRED'] }]
  t.same(readHistory({ id: '8', labelsAdded: labels, messagesDeleted: [{ message: message('m', ['DRAFT']) }] }), [])
})

t.test('[G34] history › own mail › sent, also when it arrives in the same mailbox', async t => {
  t.same(kinds(readHistory(added('SENT'))), ['sent'])
  t.same(kinds(readHistory(added('SENT', 'INBOX'))), ['sent'])
})

t.test('[G34] history › spam and bin › not new mail, unless the watch names them', async t => {
  t.same(told(added('SPAM')), [])
  t.same(told(added('TRASH', 'INBOX')), [])
  t.same(told(added('SPAM'), ['SPAM']), ['received'])
  t.same(told(added('INBOX')), ['received'])
})

t.test('[G34] history › a message leaves spam › reported as received', async t => {
  const freed = { message: message('m', ['INBOX', 'UNREAD']), labelIds: ['SPAM'] }
  const record = { id: '9', labelsRemoved: [freed], labelsAdded: [{ ...freed, labelIds: ['INBOX'] }] }
  t.same(told(record), ['received'])
  t.same(told(record, [], ['received', 'changed']), ['received', 'changed'])
  const binned = { id: '9', labelsRemoved: [{ message: message('m', ['TRASH']), labelIds: ['SPAM'] }] }
  t.same(told(binned), [], 'into the bin is not out of the way')
  const own = { id: '9', labelsRemoved: [{ message: message('m', ['SENT']), labelIds: ['SPAM'] }] }
  t.same(told(own), [], 'own mail stays own')
})

t.test('[G26] history › labels added and removed in one record › one change of that message', async t => {
  const it = message('m', ['STARRED'])
  const record = {
    id: '9007199254740993',
    labelsAdded: [{ message: it, labelIds: ['STARRED'] }],
    labelsRemoved: [{ message: it, labelIds: ['UNREAD', 'INBOX'] }]
  }
  t.same(readHistory(record), [
    {
      kind: 'changed',
      messageId: 'm',
      threadId: 'tm',
      labelIds: ['STARRED'],
      addedLabelIds: ['STARRED'],
      removedLabelIds: ['UNREAD', 'INBOX'],
      historyId: '9007199254740993'
    }
  ])
})

t.test('[G26] history › a message is deleted for good › an event, with its id alone if no more is known', async t => {
  t.same(readHistory({ id: '9', messagesDeleted: [{ message: { id: 'm' } }] }), [
    { kind: 'deleted', messageId: 'm', historyId: '9' }
  ])
  t.same(readHistory({ id: '9', messagesDeleted: [{}], messagesAdded: [{ message: {} }] }), [], 'nothing without an id')
})

t.test('[G26] a watch › for some labels › events for messages that have, get or lose one of them', async t => {
  t.same(told(added('INBOX'), ['Label_1']), [])
  t.same(told(added('INBOX', 'Label_1'), ['Label_1']), ['received'])
  const change = { message: message('m', ['STARRED']), labelIds: ['INBOX'] }
  t.same(told({ id: '9', labelsRemoved: [change] }, ['INBOX'], ['changed']), ['changed'])
  t.same(told({ id: '9', messagesAdded: [{ message: message('m', undefined) }] }, ['INBOX']), ['received'])
  t.same(told(added('INBOX'), [], ['sent', 'changed', 'deleted']), [], 'and of no kind that it did not ask for')
})
