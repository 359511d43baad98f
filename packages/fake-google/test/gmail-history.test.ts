import t from 'tap'
import { startGmail } from './gmail-story.ts'

interface Page {
  history?: Record<string, unknown>[]
  nextPageToken?: string
  historyId: string
}

t.test('history › tells each change once, in order, with gaps', async t => {
  const { call, gmail } = await startGmail(t)
  const start = String((await call('profile')).body.historyId)
  const one = gmail.receive({ subject: 'One', from: 'a@b.c', body: 'x' })
  await call(`messages/${one.id}/modify`, {
    method: 'POST',
    body: { addLabelIds: ['STARRED'], removeLabelIds: ['UNREAD'] }
  })
  gmail.deleteForever(one.id)
  const { history = [], historyId } = (await call(`history?startHistoryId=${start}`)).body as unknown as Page
  const message = { id: one.id, threadId: one.threadId }
  t.match(history, [
    { messages: [message], messagesAdded: [{ message: { ...message, labelIds: ['INBOX', 'UNREAD'] } }] },
    { labelsAdded: [{ message, labelIds: ['STARRED'] }] },
    { labelsRemoved: [{ message, labelIds: ['UNREAD'] }] },
    { messagesDeleted: [{ message }] }
  ])
  const ids = history.map(({ id }) => Number(id))
  t.same(
    ids,
    [...new Set(ids)].sort((a, b) => a - b)
  )
  t.ok((ids.at(-1) ?? 0) - (ids[0] ?? 0) > 3, 'with gaps')
  t.equal(historyId, String(ids.at(-1)))
  t.same((await call(`history?startHistoryId=${historyId}`)).body, { historyId }, 'nothing new: no list at all')

  const added = (await call(`history?startHistoryId=${start}&historyTypes=messageAdded`)).body as unknown as Page
  t.equal(added.history?.length, 1)
  gmail.forgetsLabelIds = true
  const bare = (await call(`history?startHistoryId=${start}&labelId=INBOX`)).body as unknown as Page
  t.match(bare.history?.[0], { messagesAdded: [{ message: { id: one.id, labelIds: undefined } }] })
})

t.test('history › a page token works only with its own query', async t => {
  const { call, gmail } = await startGmail(t)
  const start = String((await call('profile')).body.historyId)
  for (const subject of ['1', '2', '3']) gmail.receive({ subject, from: 'a@b.c', body: subject })
  gmail.emptyPages.history.left = 1
  const first = (await call(`history?startHistoryId=${start}&maxResults=2`)).body as unknown as Page
  t.match(first, { history: undefined, nextPageToken: /./ })
  const next = async (token = '', from = start) =>
    call(`history?startHistoryId=${from}&maxResults=2&pageToken=${token}`)
  const second = (await next(first.nextPageToken)).body as unknown as Page
  const third = (await next(second.nextPageToken)).body as unknown as Page
  t.same([second.history?.length, third.history?.length, third.nextPageToken], [2, 1, undefined])
  t.equal((await next(second.nextPageToken, String(Number(start) + 1))).status, 400)
  gmail.emptyPages.messages.left = 1
  t.match((await call('messages')).body, { messages: undefined, nextPageToken: /./ })
})

t.test('history › a forgotten or future historyId › 404; numbers beyond 2^53 keep their digits', async t => {
  const { call, gmail } = await startGmail(t)
  const start = String((await call('profile')).body.historyId)
  gmail.history.jumpTo('9007199254740993')
  gmail.history.forget()
  t.match(await call(`history?startHistoryId=${start}`), {
    status: 404,
    body: { error: { errors: [{ reason: 'notFound' }] } }
  })
  t.equal((await call('history?startHistoryId=9007199254740993')).status, 200)
  t.equal((await call('history?startHistoryId=9007199254740994')).status, 404)
  t.equal((await call('history')).status, 400)
  const { id } = gmail.receive({ subject: 'x', from: 'a@b.c', body: 'x' })
  t.equal((await call(`messages/${id}?format=minimal`)).body.historyId, '9007199254740994')
})

t.test('labels › made, found, counted, renamed, deleted', async t => {
  const { call, gmail } = await startGmail(t)
  const post = (body: object) => call('labels', { method: 'POST', body })
  const made = await post({ name: 'Work/2026', labelListVisibility: 'labelShow' })
  t.match(made, { status: 200, body: { id: 'Label_1', name: 'Work/2026', type: 'user' } })
  t.match(await post({ name: 'work/2026' }), { status: 409, body: { error: { errors: [{ reason: 'aborted' }] } } })
  for (const name of ['Inbox', 'two  spaces', '', ' x', 'x'.repeat(226)])
    t.equal((await post({ name })).status, 400, name)
  const { id } = gmail.receive({ subject: 'x', from: 'a@b.c', body: 'x' }, { labels: ['UNREAD', 'Label_1'] })
  const counts = { messagesTotal: 1, messagesUnread: 1, threadsTotal: 1, threadsUnread: 1 }
  t.match((await call('labels/Label_1')).body, counts)
  t.match((await call('labels/INBOX')).body, { messagesTotal: 0, type: 'system' })
  t.equal((await call('labels/Label_9')).status, 404)
  t.match((await call('labels/Label_1', { method: 'PATCH', body: { name: 'Play' } })).body, {
    id: 'Label_1',
    name: 'Play'
  })
  t.equal((await call('labels/INBOX', { method: 'PATCH', body: { name: 'Play' } })).status, 400)
  t.equal((await call('labels/Label_1', { method: 'DELETE' })).status, 204)
  t.same(gmail.require(id).labelIds, ['UNREAD'])
})

t.test('threads › get, modify, trash and untrash', async t => {
  const { call, gmail } = await startGmail(t)
  const first = gmail.receive({ subject: 'Lunch', from: 'a@b.c', body: 'Noon?', messageId: '<1@b.c>' })
  const second = gmail.receive({ subject: 'Re: Lunch', from: 'b@b.c', body: 'Yes', inReplyTo: '<1@b.c>' })
  const stray = gmail.receive({ subject: 'Other', from: 'b@b.c', body: 'Yes', inReplyTo: '<1@b.c>' })
  t.equal(second.threadId, first.threadId)
  t.not(stray.threadId, first.threadId, 'another subject')
  const thread = `threads/${first.threadId}`
  t.match((await call(`${thread}?format=minimal`)).body, { messages: [{ id: first.id }, { id: second.id }] })
  await call(`${thread}/modify`, { method: 'POST', body: { removeLabelIds: ['UNREAD'] } })
  t.same([first.labelIds, second.labelIds], [['INBOX'], ['INBOX']])
  await call(`${thread}/trash`, { method: 'POST', body: {} })
  t.same(second.labelIds, ['TRASH'])
  await call(`${thread}/untrash`, { method: 'POST', body: {} })
  t.same(second.labelIds, [])
  t.match((await call('threads')).body, { threads: [{ id: stray.threadId }, { id: first.threadId }] })
})
