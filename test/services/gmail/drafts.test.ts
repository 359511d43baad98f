import { gmailFault } from '@guichet/fake-google/gmail-errors'
import t from 'tap'
import { isProblem } from '../../helper.ts'
import { startSending } from './sending.ts'

const mail = {
  to: ['bob@example.com'],
  cc: ['cc@example.org'],
  bcc: ['eve@example.org'],
  subject: 'Draft',
  text: 'So far.'
}
const lunch = {
  subject: 'Lunch',
  from: 'Charles <charles@example.org>',
  to: 'ada@example.com',
  body: 'Noon?',
  messageId: '<lunch@x>'
}

t.test('[G18] drafts › made, read, listed, replaced and deleted', async t => {
  const { google, ada, post, gmail, account } = await startSending(t)
  const made = await post('drafts', mail)
  t.equal(made.statusCode, 200, made.body)
  t.match(made.json(), {
    id: String,
    message: {
      draft: true,
      subject: 'Draft',
      to: [{ address: 'bob@example.com' }],
      bcc: [{ address: 'eve@example.org' }]
    }
  })
  const { id } = made.json()
  t.match((await ada.fetch(`${gmail}/drafts/${id}`)).json(), { id, message: { text: 'So far.\n' } })
  t.match((await ada.fetch(`${gmail}/drafts?limit=5`)).json(), {
    items: [{ id, message: { subject: 'Draft' } }],
    nextPageToken: null
  })
  t.same((await ada.fetch(`${gmail}/drafts?view=ids&limit=500`)).json(), {
    items: [{ id, message: { id: made.json().message.id, threadId: made.json().message.threadId } }],
    nextPageToken: null
  })
  t.match((await ada.fetch(`${gmail}/drafts?view=full`)).json().items, [{ id, message: { text: 'So far.\n' } }])
  isProblem(t, await ada.fetch(`${gmail}/drafts?limit=51`), 400, 'invalid_request')
  const put = (payload: object) => ada.request({ method: 'PUT', url: `${gmail}/drafts/${id}`, payload })
  const replaced = await put({ subject: 'Draft 2', text: 'Further.' })
  t.equal(replaced.json().id, id)
  t.not(replaced.json().message.id, made.json().message.id)
  t.same(replaced.json().message.to, [], 'a draft may lack recipients, and is replaced wholly')
  t.equal(google.sent.length, 0)
  const gone = await ada.request({ method: 'DELETE', url: `${gmail}/drafts/${id}` })
  t.equal(gone.statusCode, 204)
  for (const answer of [await ada.fetch(`${gmail}/drafts/${id}`), await put(mail), await post(`drafts/${id}/send`)])
    isProblem(t, answer, 404, 'not_found')
  t.same(account.drafts.list(), [])
  t.same(google.violations, [])
})

t.test('[G4][G18] drafts › a large one › its answer is written in pieces', async t => {
  const { ada, post, gmail } = await startSending(t)
  const text = `${'z'.repeat(70)}\n`.repeat(10_000)
  const { id } = (await post('drafts', { ...mail, text })).json()
  const answered = await ada.fetch(`${gmail}/drafts/${id}`)
  t.ok(answered.json().message.text === text, 'all of it')
  t.equal(answered.headers['content-length'], undefined)
  t.match(answered.headers['content-type'], 'application/json')
})

t.test('[G18] drafts › a reply is replaced › it stays in its conversation', async t => {
  const { google, ada, post, gmail, account } = await startSending(t)
  const parent = account.receive(lunch)
  const made = await post('drafts', { text: 'Yes', inReplyToMessage: { messageId: parent.id } })
  t.equal(made.json().message.threadId, parent.threadId, made.body)
  const { id } = made.json()
  const put = (payload: object) => ada.request({ method: 'PUT', url: `${gmail}/drafts/${id}`, payload })
  const replaced = await put({ to: ['charles@example.org'], text: 'No' })
  t.match(replaced.json(), { id, message: { threadId: parent.threadId, subject: 'Re: Lunch', inReplyTo: '<lunch@x>' } })
  isProblem(t, await put({ subject: 'Dinner', text: 'No' }), 422, 'subject_breaks_thread')
  t.equal((await put({ subject: 'Dinner', text: 'No', to: ['charles@example.org'], newThread: true })).statusCode, 200)
  const back = await put({ text: 'Yes', inReplyToMessage: { messageId: parent.id } })
  t.equal(back.json().message.threadId, parent.threadId)
  const sent = await post(`drafts/${id}/send`)
  t.match(sent.json(), { threadId: parent.threadId, labelIds: ['SENT'] })
  t.match(google.sent, [{ joinedThread: true, subject: 'Re: Lunch' }])
})

t.test('[G15][G18] drafts › sent with a key, and the answer is lost › sent once, with Bcc', async t => {
  const { google, post } = await startSending(t)
  const { id } = (await post('drafts', mail)).json()
  google.fault('gmail', { reset: true, when: 'after' }, { only: ({ gmailMethod }) => gmailMethod === 'drafts.send' })
  const key = { 'idempotency-key': 'the-draft' }
  const sent = await post(`drafts/${id}/send`, undefined, key)
  t.equal(sent.statusCode, 200, sent.body)
  t.equal(sent.json().id, google.sent[0]?.id)
  t.equal((await post(`drafts/${id}/send`, undefined, key)).headers['idempotency-replayed'], 'true')
  t.same(
    google.sent.map(({ envelope }) => envelope.to),
    [['bob@example.com', 'cc@example.org', 'eve@example.org']]
  )
  isProblem(t, await post('drafts/r1/send', undefined, key), 422, 'idempotency_mismatch')
  isProblem(t, await post('drafts/r1/send', undefined, { 'idempotency-key': 'none' }), 404, 'not_found')
})

t.test('[G13] drafts › sent without a key, and the answer is lost › 502 after a single call', async t => {
  const { google, post } = await startSending(t)
  const { id } = (await post('drafts', mail)).json()
  const only = ({ gmailMethod }: { gmailMethod?: string | undefined }) => gmailMethod === 'drafts.send'
  google.fault('gmail', { reset: true, when: 'after' }, { only })
  isProblem(t, await post(`drafts/${id}/send`), 502, 'send_outcome_unknown')
  t.equal(google.requestsTo('gmail').filter(only).length, 1)
})

t.test('[G13][G18] drafts and sends › what was done is read back in vain › told as done', async t => {
  const { google, post, account, send } = await startSending(t)
  const mail = { to: ['Bob <bob@example.com>'], bcc: ['eve@example.com'], subject: 'Kept — é', text: 'x' }
  const only = ({ gmailMethod }: { gmailMethod?: string | undefined }) => gmailMethod === 'messages.get'
  google.fault('gmail', gmailFault('backendError', { 'retry-after': '60' }), { only, times: 9 })
  const made = await post('drafts', mail)
  t.equal(made.statusCode, 200, made.body)
  t.match(made.json(), {
    id: account.drafts.list()[0]?.id,
    message: {
      id: String,
      threadId: String,
      labelIds: ['DRAFT'],
      draft: true,
      subject: mail.subject,
      to: [{ name: 'Bob', address: 'bob@example.com' }],
      bcc: [{ address: 'eve@example.com' }],
      messageId: String
    }
  })
  const { statusCode, body } = await post('messages/send?messageId=true', mail)
  t.equal(statusCode, 200, body)
  t.match(JSON.parse(body), { id: google.sent[0]?.id, messageId: null })
  google.clearFaults()
  t.equal((await send(mail)).statusCode, 200)
})
