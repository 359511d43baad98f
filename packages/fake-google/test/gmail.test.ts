import t from 'tap'
import type { FakeGoogle } from '../src/fake-google.ts'
import { callGmail, connect, start } from './story.ts'

const PLAN = Buffer.from([0, 255, 254, 10, 13])

/** Six mails of one user: three to search for, one in the bin, two of one thread. */
async function startMailbox(t: Parameters<typeof start>[0], grant?: string[]) {
  const google = await start(t)
  const from = 'Grace <grace@example.org>'
  google.addUser({
    sub: 'eve',
    email: 'eve@example.com',
    name: 'Eve',
    messages: [
      { id: 'm1', subject: 'Report one', from, body: 'First.', labelIds: ['INBOX', 'UNREAD'] },
      { id: 'm2', subject: 'Report two', from, body: 'Second.', labelIds: ['INBOX', 'Label_7'] },
      { id: 'm3', subject: 'Report three', from, body: 'Third.', labelIds: ['INBOX'] },
      { id: 'm4', subject: 'Report lost', from, body: 'Gone.', labelIds: ['TRASH'] },
      { id: 'm5', threadId: 't5', subject: 'Lunch', from: 'Al <al@example.org>', body: 'Noon?' },
      {
        id: 'm6',
        threadId: 't5',
        subject: 'Re: Lunch',
        from,
        body: 'Here is the plan.',
        attachments: [{ filename: 'plan.bin', content: PLAN }]
      }
    ]
  })
  const { access_token } = await connect(google, { as: 'eve', ...(grant ? { grant } : {}) })
  return { google, call: (path: string, body?: unknown) => callGmail(google, access_token, `me/${path}`, body) }
}

function labelsOf(google: FakeGoogle, id: string): string[] | undefined {
  return google.user('eve').messages.find(message => message.id === id)?.labelIds
}

t.test('Gmail › without a valid bearer token › 401, in Google’s format', async t => {
  const google = await start(t)
  const answer = await callGmail(google, 'ya29.nothing', 'me/profile')
  t.equal(answer.status, 401)
  t.ok(answer.headers.get('www-authenticate'))
  t.same(answer.body, {
    error: {
      code: 401,
      message: 'Invalid Credentials',
      errors: [{ message: 'Invalid Credentials', domain: 'global', reason: 'authError' }],
      status: 'UNAUTHENTICATED'
    }
  })
  t.equal((await fetch(`${google.issuer}/gmail/v1/users/me/profile`)).status, 401)
  const { access_token } = await connect(google)
  const inQuery = await fetch(`${google.issuer}/gmail/v1/users/me/profile?access_token=${access_token}`)
  t.equal(inQuery.status, 401)
  t.same(google.violations, ['gmail: a secret in the URL'])
})

t.test('Gmail › reads need readonly or modify, writes modify', async t => {
  const none = await startMailbox(t, [])
  const forbidden = await none.call('messages')
  t.match(forbidden, { status: 403, body: { error: { errors: [{ reason: 'insufficientPermissions' }] } } })

  const readonly = await startMailbox(t, ['gmail.readonly'])
  t.equal((await readonly.call('messages')).status, 200)
  for (const path of ['messages/m1/modify', 'messages/batchModify', 'messages/m1/trash', 'messages/m1/untrash']) {
    t.equal((await readonly.call(path, {})).status, 403, path)
  }
  const modify = await startMailbox(t, ['gmail.modify'])
  t.equal((await modify.call('messages')).status, 200)
  t.equal((await modify.call('messages/m1/trash', {})).status, 200)
})

t.test('Gmail › a user other than me, an unknown name, an escaped path › refused as Gmail does', async t => {
  const { google, call } = await startMailbox(t)
  const { access_token } = await connect(google, { as: 'eve' })
  t.equal((await callGmail(google, access_token, 'eve@example.com/profile')).status, 403)
  t.match(await call('messages/m99'), { status: 404, body: { error: { errors: [{ reason: 'notFound' }] } } })
  t.equal((await call('filters')).status, 404)
  t.equal((await call('messages/m1', {})).status, 405)
  t.equal((await call('messages/m%31')).status, 400)
  t.equal((await call('messages/')).status, 400)
  t.equal((await call('messages?userId=me')).status, 400)
  t.equal((await call('messages?fields=messages(id')).status, 400)
  t.equal((await call('messages?q=a&q=b')).status, 400)
  t.equal((await call('messages?alt=json')).status, 200, "Google's client may say so")
})

t.test('Gmail › profile and labels', async t => {
  const { call } = await startMailbox(t)
  t.match((await call('profile')).body, { emailAddress: 'eve@example.com', messagesTotal: 6, threadsTotal: 5 })
  const { labels } = (await call('labels')).body as { labels: Array<{ id: string; type: string }> }
  t.match(
    labels.find(({ id }) => id === 'INBOX'),
    { type: 'system' }
  )
  t.match(
    labels.find(({ id }) => id === 'Label_7'),
    { type: 'user' }
  )
})

t.test('Gmail › list searches, filters and pages', async t => {
  const { call } = await startMailbox(t)
  const idsOf = (body: Record<string, unknown>) => (body.messages as { id: string }[] | undefined)?.map(({ id }) => id)
  const list = async (query: string) => (await call(`messages?${query}`)).body
  t.same(idsOf(await list('')), ['m1', 'm2', 'm3', 'm5', 'm6'], 'the bin is left out')
  t.same(idsOf(await list('q=REPORT')), ['m1', 'm2', 'm3'])
  t.same(idsOf(await list('q=al%40example')), ['m5'])
  t.same(idsOf(await list('labelIds=INBOX&labelIds=Label_7')), ['m2'])
  t.same(idsOf(await list('labelIds=TRASH')), ['m4'])
  t.same(idsOf(await list('q=report&includeSpamTrash=true')), ['m1', 'm2', 'm3', 'm4'])
  t.same(await list('q=nothing'), { resultSizeEstimate: 0 }, 'no list rather than an empty one')

  const first = await list('maxResults=2')
  t.same([idsOf(first), first.resultSizeEstimate], [['m1', 'm2'], 7])
  const second = await list(`maxResults=2&pageToken=${first.nextPageToken}`)
  t.same(idsOf(second), ['m3', 'm5'])
  const third = await list(`maxResults=2&pageToken=${second.nextPageToken}`)
  t.same([idsOf(third), third.nextPageToken], [['m6'], undefined])
  for (const query of ['maxResults=0', 'maxResults=501', 'maxResults=1e2', 'pageToken=x']) {
    t.equal((await call(`messages?${query}`)).status, 400, query)
  }
})

t.test('Gmail › a message in its four formats', async t => {
  const { call } = await startMailbox(t)
  const get = async (query: string) => (await call(`messages/m1${query}`)).body
  const text = (data: unknown) => Buffer.from(String(data), 'base64url').toString()
  const full = (await get('')) as { payload: { body: { data: string }; headers: unknown[] } }
  t.equal(text(full.payload.body.data), 'First.')
  t.ok(full.payload.headers.length > 3)
  t.match(await get('?format=minimal'), { id: 'm1', threadId: 'm1', labelIds: ['INBOX', 'UNREAD'], payload: undefined })
  t.match(text((await get('?format=raw')).raw), /^From: Grace[\s\S]+\r\n\r\nFirst\./)
  const metadata = await get('?format=metadata&metadataHeaders=subject&metadataHeaders=From')
  t.same(metadata.payload, {
    partId: '',
    filename: '',
    mimeType: 'text/plain',
    headers: [
      { name: 'From', value: 'Grace <grace@example.org>' },
      { name: 'Subject', value: 'Report one' }
    ]
  })
  t.equal((await call('messages/m1?format=FULL')).status, 400)
})

t.test('Gmail › an attachment has a long id and comes as base64url', async t => {
  const { call } = await startMailbox(t)
  const { payload } = (await call('messages/m6')).body as {
    payload: { parts: Array<{ filename: string; body: { attachmentId: string; size: number } }> }
  }
  const part = payload.parts.find(({ filename }) => filename === 'plan.bin')
  t.ok((part?.body.attachmentId.length ?? 0) > 300)
  const { body } = await call(`messages/m6/attachments/${part?.body.attachmentId}`)
  t.same(body, { size: 5, data: PLAN.toString('base64url') })
  t.equal((await call(`messages/m1/attachments/${part?.body.attachmentId}`)).status, 400, "another message's")
})

t.test('Gmail › threads', async t => {
  const { call } = await startMailbox(t)
  const { threads } = (await call('threads?q=lunch')).body as { threads: { id: string }[] }
  t.same(
    threads.map(({ id }) => id),
    ['t5']
  )
  const thread = await call('threads/t5?format=minimal')
  t.match(thread.body, { id: 't5', messages: [{ id: 'm6' }, { id: 'm5' }] })
  t.equal((await call('threads/m5')).status, 404)
  t.equal((await call('threads/t5?format=raw')).status, 400)
})

t.test('Gmail › modify, batchModify, trash and untrash change the mailbox', async t => {
  const { google, call } = await startMailbox(t)
  const change = { addLabelIds: ['STARRED'], removeLabelIds: ['UNREAD'] }
  t.same((await call('messages/m1/modify', change)).body, { id: 'm1', threadId: 'm1', labelIds: ['INBOX', 'STARRED'] })
  t.equal((await call('messages/batchModify', { ids: ['m2', 'm3'], removeLabelIds: ['INBOX'] })).status, 204)
  t.same([labelsOf(google, 'm2'), labelsOf(google, 'm3')], [['Label_7'], []])
  await call('messages/m1/trash', {})
  t.same(labelsOf(google, 'm1'), ['STARRED', 'TRASH'])
  await call('messages/m1/untrash', {})
  t.same(labelsOf(google, 'm1'), ['STARRED'])
  t.same(google.violations, [])
})

t.test('Gmail › faulty writes change nothing', async t => {
  const { google, call } = await startMailbox(t)
  const bad: Array<[string, unknown, number]> = [
    ['messages/m1/modify', {}, 400],
    ['messages/m1/modify', { addLabelIds: ['Nothing'] }, 400],
    ['messages/m1/modify', { addLabelIds: 'STARRED' }, 400],
    ['messages/m1/modify', { addLabelIds: [1] }, 400],
    ['messages/m1/modify', { addLabelIds: ['STARRED'], removeLabelIds: ['STARRED'] }, 400],
    ['messages/m1/modify', { addLabelIds: ['STARRED'], ids: ['m2'] }, 400],
    ['messages/m1/modify', ['STARRED'], 400],
    ['messages/m1/trash', { force: true }, 400],
    ['messages/m99/modify', { addLabelIds: ['STARRED'] }, 404],
    ['messages/batchModify', { addLabelIds: ['STARRED'] }, 400],
    ['messages/batchModify', { ids: Array(1001).fill('m1'), addLabelIds: ['STARRED'] }, 400],
    ['messages/m1/modify', { addLabelIds: ['SENT'] }, 400],
    ['messages/m1/modify', { removeLabelIds: ['DRAFT'] }, 400]
  ]
  for (const [path, body, status] of bad)
    t.equal((await call(path, body)).status, status, JSON.stringify(body).slice(0, 80))
  const { access_token } = await connect(google, { as: 'eve' })
  const asText = await fetch(`${google.issuer}/gmail/v1/users/me/messages/m1/modify`, {
    method: 'POST',
    body: JSON.stringify({ addLabelIds: ['STARRED'] }),
    headers: { authorization: `Bearer ${access_token}` }
  })
  t.equal(asText.status, 400, 'not said to be JSON')
  t.same(labelsOf(google, 'm1'), ['INBOX', 'UNREAD'])
})
