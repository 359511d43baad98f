import t from 'tap'
import { rawOf, startGmail } from './gmail-story.ts'

const HEAD = ['From: Ada <ada@example.com>', 'To: bob@example.com, "C, D" <cd@example.org>', 'Bcc: eve@example.org']
const mail = (...more: string[]) => rawOf([...HEAD, ...more, '', 'Hello.'])

t.test('send › Bcc is in the envelope and in no copy; local users receive the mail', async t => {
  const { call, google } = await startGmail(t)
  const answer = await call('messages/send', {
    method: 'POST',
    body: { raw: mail('Subject: One', 'Message-ID: <1@x>') }
  })
  t.match(answer, { status: 200, body: { id: /^1[0-9a-f]{15}$/, labelIds: ['SENT'] } })
  t.match(google.sent, [
    {
      id: answer.body.id,
      account: 'ada@example.com',
      envelope: { from: 'ada@example.com', to: ['bob@example.com', 'cd@example.org', 'eve@example.org'] },
      subject: 'One',
      messageId: '<1@x>',
      arrivedMessageId: '<1@x>',
      joinedThread: undefined,
      replacedFrom: undefined,
      parts: [{ mimeType: 'text/plain', size: 6 }]
    }
  ])
  t.same(
    google.sent[0]?.copies.map(({ to }) => to),
    google.sent[0]?.envelope.to
  )
  for (const { head } of google.sent[0]?.copies ?? []) t.notMatch(head, /bcc|eve@/i)
  t.match(google.user('bob@example.com').messages[0], { subject: 'One', labelIds: ['INBOX', 'UNREAD'], body: 'Hello.' })
  const second = await call('messages/send', { method: 'POST', body: { raw: mail('Message-ID: <2@x>') } })
  t.match(google.sent[1], { messageId: '<2@x>', arrivedMessageId: /@mail\.gmail\.com>$/ }, 'replaced at times')
  t.not(second.body.threadId, answer.body.threadId)
})

t.test('send › joins a thread only where all three conditions hold', async t => {
  const { call, google, gmail } = await startGmail(t)
  const parent = gmail.receive({ subject: 'Lunch', from: 'b@c.d', body: 'Noon?', messageId: '<lunch@c.d>' })
  const send = async (...more: string[]) => {
    const body = { raw: mail(...more), threadId: parent.threadId }
    return (await call('messages/send', { method: 'POST', body })).body.threadId === parent.threadId
  }
  t.equal(await send('Subject: Re: Lunch', 'In-Reply-To: <lunch@c.d>', 'References: <lunch@c.d>'), true)
  t.equal(await send('Subject: Re: Lunch'), false, 'no reference')
  t.equal(await send('Subject: Dinner', 'In-Reply-To: <lunch@c.d>'), false, 'another subject')
  t.same(
    google.sent.map(({ joinedThread }) => joinedThread),
    [true, false, false]
  )
  t.equal((await call('messages/send', { method: 'POST', body: { raw: mail(), threadId: '1234' } })).status, 404)
})

t.test('send › a From that is not an alias is replaced, and a mail without recipients is refused', async t => {
  const { call, google, gmail } = await startGmail(t)
  gmail.aliases = [
    { sendAsEmail: 'ada@alias.example' },
    { sendAsEmail: 'new@alias.example', verificationStatus: 'pending' }
  ]
  const { sendAs } = (await call('settings/sendAs')).body as { sendAs: { sendAsEmail: string }[] }
  t.match(sendAs, [
    { isPrimary: true, isDefault: true },
    { verificationStatus: 'accepted' },
    { verificationStatus: 'pending' }
  ])
  for (const from of ['ada@alias.example', 'new@alias.example', 'ceo@example.org']) {
    await call('messages/send', { method: 'POST', body: { raw: rawOf([`From: ${from}`, 'To: a@b.c', '', 'x']) } })
  }
  t.same(
    google.sent.map(({ replacedFrom }) => replacedFrom),
    [undefined, 'new@alias.example', 'ceo@example.org']
  )
  const refused = await call('messages/send', { method: 'POST', body: { raw: rawOf(['Subject: x', '', 'y']) } })
  t.match(refused, { status: 400, body: { error: { message: 'Recipient address required' } } })
  t.equal(google.sent.length, 3)
})

t.test('drafts › a new message at each update, and the thread goes where the subject goes', async t => {
  const { call, gmail, google } = await startGmail(t)
  const parent = gmail.receive({ subject: 'Lunch', from: 'b@c.d', body: 'Noon?', messageId: '<lunch@c.d>' })
  const reply = (subject: string) => ({
    message: { raw: mail(`Subject: ${subject}`, 'In-Reply-To: <lunch@c.d>'), threadId: parent.threadId }
  })
  const created = await call('drafts', { method: 'POST', body: reply('Re: Lunch') })
  const first = created.body as { id: string; message: { id: string; threadId: string } }
  t.match(first.message, { threadId: parent.threadId, labelIds: ['DRAFT'] })
  const label = await call(`messages/${first.message.id}/modify`, {
    method: 'POST',
    body: { addLabelIds: ['STARRED'] }
  })
  t.equal(label.status, 400, 'a draft takes no label')
  const updated = await call(`drafts/${first.id}`, { method: 'PUT', body: reply('Dinner') })
  const second = updated.body as typeof first
  t.equal(second.id, first.id)
  t.not(second.message.id, first.message.id)
  t.not(second.message.threadId, parent.threadId)
  t.equal((await call(`messages/${first.message.id}`)).status, 404)
  t.match((await call('drafts')).body, { drafts: [{ id: first.id, message: { id: second.message.id } }] })
  t.match((await call(`drafts/${first.id}?format=metadata`)).body, { message: { labelIds: ['DRAFT'] } })

  const sent = await call('drafts/send', { method: 'POST', body: { id: first.id } })
  t.match(sent.body, { labelIds: ['SENT'] })
  t.not(sent.body.id, second.message.id)
  t.equal((await call(`drafts/${first.id}`)).status, 404)
  t.equal((await call('drafts/send', { method: 'POST', body: { id: first.id } })).status, 404)
  t.equal(google.sent.length, 1)
  const other = (await call('drafts', { method: 'POST', body: { message: { raw: mail() } } })).body
  const alone = (await call('drafts', { method: 'POST', body: { message: { raw: mail() } } })).body as typeof first
  const inItself = { message: { raw: mail(), threadId: alone.message.threadId } }
  t.equal((await call(`drafts/${alone.id}`, { method: 'PUT', body: inItself })).status, 200)
  const left = await call('drafts/send', { method: 'POST', body: { id: alone.id } })
  t.match(left.body, { labelIds: ['SENT'] }, 'one that was alone in its thread')
  t.equal((await call(`drafts/${other.id}`, { method: 'DELETE' })).status, 204)
  t.equal((await call(`drafts/${other.id}`)).status, 404)
})

t.test('send › can accept and hang up, refuse before acting, or lose the answer', async t => {
  const { call, google } = await startGmail(t)
  const send = () => call('messages/send', { method: 'POST', body: { raw: mail('Subject: x') } })
  const only = (request: { gmailMethod?: string }) => request.gmailMethod === 'messages.send'
  google.fault('gmail', { reset: true, when: 'after' }, { only })
  t.equal((await call('profile')).status, 200, 'others pass')
  await t.rejects(send())
  t.equal(google.sent.length, 1)
  google.fault('gmail', { status: 500, when: 'after' }, { only })
  t.equal((await send()).status, 500)
  t.equal(google.sent.length, 2)
  google.fault('gmail', { reset: true }, { only })
  await t.rejects(send())
  google.fault('gmail', { status: 503 }, { only })
  t.equal((await send()).status, 503)
  t.equal(google.sent.length, 2)
  google.fault('gmail', { cutAt: 5 }, { only })
  await t.rejects(send())
  t.equal(google.sent.length, 3)
})
