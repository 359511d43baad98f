import t from 'tap'
import { isProblem } from '../../helper.ts'
import { startSending } from './sending.ts'

const to = ['Bob <bob@example.com>']

t.test('[G15][G16] send › text, html and files from an app › one mail, with Bcc', async t => {
  const { google, send } = await startSending(t)
  const answer = await send({
    to: ['"Zoë, Dr." <zoe@example.org>', { name: 'Bob', address: 'bob@example.com' }],
    cc: ['cc@example.org'],
    bcc: ['eve@example.org'],
    replyTo: ['answers@example.org'],
    subject: 'Relatório — março',
    text: 'Olá',
    html: '<p>Olá <img src="cid:logo"></p>',
    attachments: [
      {
        filename: 'logo.png',
        mimeType: 'image/png',
        content: Buffer.from('png').toString('base64'),
        contentId: 'logo',
        inline: true
      },
      { filename: 'Prüfung “1”.pdf', mimeType: 'application/pdf', content: Buffer.from('pdf').toString('base64') }
    ],
    headers: { 'X-Campaign': 'spring', 'List-Unsubscribe': '<https://example.org/u>' }
  })
  t.equal(answer.statusCode, 200, answer.body)
  t.match(answer.json(), { id: String, threadId: String, labelIds: ['SENT'] })
  const [mail] = google.sent
  t.match(mail, {
    envelope: {
      from: 'ada@example.com',
      to: ['zoe@example.org', 'bob@example.com', 'cc@example.org', 'eve@example.org']
    },
    subject: 'Relatório — março',
    replacedFrom: undefined,
    parts: [
      { mimeType: 'text/plain' },
      { mimeType: 'text/html' },
      { mimeType: 'image/png', filename: 'logo.png', size: 3 },
      { mimeType: 'application/pdf', filename: 'Prüfung “1”.pdf', size: 3 }
    ]
  })
  for (const { head } of mail?.copies ?? []) t.notMatch(head, /eve@|^bcc/im)
  t.match(mail?.copies[0]?.head, /x-campaign: spring/i)
  t.same(google.violations, [])
})

t.test('[G16] send › line breaks and NUL in any field › add no header', async t => {
  const { google, send } = await startSending(t)
  const evil = 'é\r\nBcc: x@evil.example\0'
  const answer = await send({
    to: [{ name: evil, address: 'bob@example.com' }],
    subject: evil,
    text: evil,
    attachments: [{ filename: evil, content: '' }],
    headers: { 'X-Evil': evil, 'List-Id': evil }
  })
  t.equal(answer.statusCode, 200, answer.body)
  t.same(google.sent[0]?.envelope.to, ['bob@example.com'])
  t.notMatch(google.sent[0]?.copies[0]?.head, /^bcc/im)
  t.match(google.sent[0]?.subject, /^é Bcc: x@evil\.example/)
  for (const bad of [
    { to: ['x@y\r\nBcc: a@b'] },
    { to: [{ address: 'a@b\nBcc: c@d' }] },
    { to: ['a@b, c@d'] },
    { to, headers: { Bcc: 'x@y' } },
    { to, headers: { 'X-A\r\nBcc': 'x@y' } },
    { to, headers: { 'Message-ID': '<x@y>' } },
    { to, headers: { 'X-Google-Original-Message-ID': '<x@y>' } },
    { to, attachments: [{ filename: 'a', mimeType: 'text/plain\r\nX: y', content: '' }] },
    { to, attachments: [{ filename: 'a', contentId: 'a>\r\nX: y', content: '' }] },
    { to, attachments: [{ fromMessage: '../../x', partId: '1' }] },
    { to, unknown: true }
  ])
    isProblem(t, await send({ text: 'x', ...bad }), 400, 'invalid_request')
  t.equal(google.sent.length, 1)
  t.same(google.violations, [])
})

t.test('[G16] send › what cannot be sent › 400, and the pointer says where, with no call', async t => {
  const { google, send } = await startSending(t)
  const cases: [mail: object, pointer: string, message: RegExp][] = [
    [{ unknown: 1 }, '/body', /not known/],
    [{ to: ['a@b..c'] }, '/body/to/0', /one e-mail address/],
    [{ to: ['a@b.c', 'a@-b.c'] }, '/body/to/1', /one e-mail address/],
    [{ to: ['a@b.'] }, '/body/to/0', /one e-mail address/],
    [{ to: ['<x@y.z> <a@b.c>'] }, '/body/to/0', /one e-mail address/],
    [{ to: [{ name: 'x', address: 'a@b..c' }] }, '/body/to/0/address', /e-mail address/],
    [{ to: [{ name: 'x' }] }, '/body/to/0/address', /string/],
    [{ attachments: [{ content: 'aGk=' }] }, '/body/attachments/0/filename', /string/],
    [{ attachments: [{ filename: 'a', content: 'aGk=a' }] }, '/body/attachments/0/content', /base64/],
    [{ attachments: [{ filename: 'a', content: 'aGkaa' }] }, '/body/attachments/0/content', /base64/],
    [{ attachments: [{ fromMessage: 'a' }] }, '/body/attachments/0/partId', /string/],
    [{ headers: { Subject: 'x' } }, '/body/headers/Subject', /must be X-/],
    [{ headers: { 'X-Guichet-Message-ID': 'x' } }, '/body/headers/X-Guichet-Message-ID', /guichet/],
    [{ to: Array(300).fill('a@b.c'), cc: Array(201).fill('a@b.c') }, '/body', /500 recipients/]
  ]
  for (const [mail, pointer, message] of cases) {
    const answer = await send({ to, text: 'x', ...mail })
    isProblem(t, answer, 400, 'invalid_request')
    const [first] = answer.json().errors
    t.equal(first.pointer, pointer)
    t.match(first.message, message)
  }
  t.equal(google.calls('gmail'), 0)
  for (const fine of ['a..b.@docomo.ne.jp', "o'hara+x@a-b.co", 'x@例え.jp', 'a@localhost', '"<x@y.z>" <a@b.c>'])
    t.equal((await send({ to: [fine], text: 'x' })).statusCode, 200, fine)
  t.equal((await send({ to, attachments: [{ filename: 'a', content: 'aGk' }] })).statusCode, 200)
})

t.test('[G16] send › text that looks like an encoded word › arrives as it was written', async t => {
  const { google, send } = await startSending(t)
  for (const subject of ['=?utf-8?Q?x?=', 'what =?', `${'long '.repeat(40)}=?utf-8?B?eA==?=`]) {
    await send({ to, subject, text: 'x', headers: { 'X-Note': subject } })
    const [mail] = google.sent.slice(-1)
    t.equal(mail?.subject, subject)
    t.notMatch(mail?.headers.find(({ name }) => name === 'X-Note')?.value, /\?Q\?x\?=/)
  }
})

t.test('[G19] send › from an address that is not a verified alias › 422, and nothing is sent', async t => {
  const { google, send, account } = await startSending(t)
  account.aliases = [
    { sendAsEmail: 'ada@alias.example', displayName: 'Countess' },
    { sendAsEmail: 'new@alias.example', verificationStatus: 'pending' }
  ]
  for (const from of ['ceo@example.org', 'new@alias.example'])
    isProblem(t, await send({ from, to, text: 'x' }), 422, 'sender_not_allowed')
  t.equal(google.sent.length, 0)
  t.equal((await send({ from: 'ADA@alias.example', to, text: 'x' })).statusCode, 200)
  t.equal(google.sent[0]?.replacedFrom, undefined)
  t.match(google.sent[0]?.headers.find(({ name }) => name === 'From')?.value, /Countess <ada@alias.example>/)
  isProblem(t, await send({ text: 'to nobody' }), 400, 'invalid_request')
})

t.test('[G14] reply › to messages of every kind › stays in the conversation, with the right recipients', async t => {
  const { google, send, account } = await startSending(t)
  account.aliases = [{ sendAsEmail: 'ada@work.example', displayName: 'Ada at work' }]
  const chain = Array.from({ length: 50 }, (_, at) => `<${at}@list.example>`)
  const reply = async (seed: Parameters<typeof account.receive>[0], mode: string, more: object = {}) => {
    const parent = account.receive(seed)
    const answer = await send({ inReplyToMessage: { messageId: parent.id, mode }, text: 'Yes.', ...more })
    return { parent, answer, mail: google.sent.at(-1) }
  }
  const header = (mail: (typeof google.sent)[number] | undefined, wanted: string) =>
    mail?.headers.find(({ name }) => name.toLowerCase() === wanted)?.value
  const lunch = { subject: 'Lunch', from: 'Charles <charles@example.org>', body: 'Noon?', messageId: '<lunch@x>' }

  const plain = await reply({ ...lunch, to: 'ada@example.com', cc: 'mary@example.org' }, 'reply')
  t.match(plain.answer.json(), { threadId: plain.parent.threadId })
  t.match(plain.mail, { joinedThread: true, subject: 'Re: Lunch', envelope: { to: ['charles@example.org'] } })
  t.equal(header(plain.mail, 'in-reply-to'), '<lunch@x>')
  const often = await reply(
    { ...lunch, subject: 'RE: re: Lunch', messageId: '<often@x>', to: 'ada@example.com' },
    'reply'
  )
  t.match(often.mail, { joinedThread: true, subject: 'Re: Lunch' }, 'one prefix, however many the parent has')

  const all = await reply(
    {
      ...lunch,
      messageId: '<all@x>',
      to: 'ada@work.example, bob@example.com',
      cc: 'Mary <mary@example.org>, ada@example.com',
      headers: [{ name: 'References', value: chain.join(' ') }]
    },
    'replyAll'
  )
  t.match(all.mail?.envelope.to, ['charles@example.org', 'bob@example.com', 'mary@example.org'])
  t.match(header(all.mail, 'from'), /Ada at work <ada@work.example>/)
  t.same(header(all.mail, 'references')?.split(/\s+/), [...chain, '<all@x>'])
  t.equal(all.mail?.joinedThread, true)

  const list = await reply(
    {
      ...lunch,
      messageId: '<list@x>',
      to: 'ada@example.com',
      headers: [{ name: 'Reply-To', value: 'The list <list@example.org>' }]
    },
    'reply'
  )
  t.same(list.mail?.envelope.to, ['list@example.org'])

  const strange = await reply(
    {
      ...lunch,
      subject: 'Déjeuner à midi — 昼食',
      messageId: '<strange@x>',
      to: 'ada@example.com',
      cc: 'nobody, Mary <mary@example.org>, undisclosed recipients:;'
    },
    'replyAll'
  )
  t.match(strange.mail, { joinedThread: true, subject: 'Re: Déjeuner à midi — 昼食' })
  t.same(strange.mail?.envelope.to, ['charles@example.org', 'mary@example.org'], 'none without a domain')

  const own = await reply(
    { ...lunch, messageId: '<own@x>', from: 'ada@example.com', to: 'charles@example.org', cc: 'mary@example.org' },
    'replyAll'
  )
  t.same(own.mail?.envelope.to, ['charles@example.org', 'mary@example.org'])

  const given = await reply({ ...lunch, messageId: '<given@x>', to: 'ada@example.com' }, 'reply', {
    subject: 'AW: Re:  Lunch',
    bcc: ['eve@example.org']
  })
  t.match(given.mail, {
    joinedThread: true,
    subject: 'AW: Re:  Lunch',
    envelope: { to: ['charles@example.org', 'eve@example.org'] }
  })
  const sent = google.sent.length
  isProblem(
    t,
    (await reply({ ...lunch, messageId: '<other@x>', to: 'ada@example.com' }, 'reply', { subject: 'Dinner' })).answer,
    422,
    'subject_breaks_thread'
  )
  t.equal(google.sent.length, sent)
  const fresh = await reply({ ...lunch, messageId: '<fresh@x>', to: 'ada@example.com' }, 'reply', {
    subject: 'Dinner',
    newThread: true
  })
  t.match(fresh.mail, { joinedThread: undefined, subject: 'Dinner' })
  t.notOk(header(fresh.mail, 'in-reply-to'))
  t.same(google.violations, [])
})

t.test('[G14][G17] forward › the original below the text, its files streamed from Gmail to Gmail', async t => {
  const { google, send, account } = await startSending(t)
  const content = Buffer.alloc(3_000_000, 'plan')
  const parent = account.receive({
    subject: 'The plans',
    from: 'Charles <charles@example.org>',
    to: 'ada@example.com',
    body: 'Attached.',
    attachments: [{ filename: 'plan.bin', mimeType: 'application/x-plan', content }]
  })
  const answer = await send({ to, text: 'See below.', inReplyToMessage: { messageId: parent.id, mode: 'forward' } })
  t.equal(answer.statusCode, 200, answer.body)
  const [mail] = google.sent
  t.match(mail, {
    subject: 'Fwd: The plans',
    joinedThread: undefined,
    parts: [{ mimeType: 'text/plain' }, { filename: 'plan.bin', mimeType: 'application/x-plan', size: content.length }]
  })
  t.match(
    mail?.source().toString().replace(/=\r\n/g, ''),
    /See below\.[\s\S]*Forwarded message[\s\S]*From: Charles <charles@example.org>[\s\S]*Attached\./
  )
  const referred = await send({
    to,
    text: 'x',
    attachments: [{ fromMessage: parent.id, partId: '1', filename: 'renamed.bin' }]
  })
  t.equal(referred.statusCode, 200, referred.body)
  t.match(google.sent[1]?.parts[1], { filename: 'renamed.bin', size: content.length })
  isProblem(t, await send({ to, text: 'x', attachments: [{ fromMessage: parent.id, partId: '9' }] }), 404, 'not_found')
  t.equal(google.sent.length, 2)
  t.same(google.violations, [])
})
