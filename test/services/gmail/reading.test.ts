import type { FakeGoogle } from '@guichet/fake-google'
import { gmailFault } from '@guichet/fake-google/gmail-errors'
import t from 'tap'
import { createHtmlToText } from '../../../src/services/gmail/html-text.ts'
import { build, isProblem, problemOf } from '../../helper.ts'

const ada = 'ada@example.com'

async function mailbox(t: Parameters<typeof build>[0]) {
  const world = await build(t)
  const user = await world.signedIn()
  const { id } = await user.connected()
  const { google } = world
  const base = `/connections/${id}/gmail`
  return { ...world, user, base, gmail: google.user(ada).gmail, get: (path: string) => user.fetch(base + path) }
}

const lines = (...all: string[]) => all.join('\r\n')

t.test('[G1][G2] message › in both forms that Google gives › the view is what the sender wrote', async t => {
  const { gmail, get, google } = await mailbox(t)
  const raw = Buffer.from(
    lines(
      'From: =?utf-8?Q?M=C3=BCller=2C_Zo=C3=AB?= <z@example.com>',
      'To: Team: a@b.c, "X, Y" <x@y.z>;',
      'Subject: =?utf-8?Q?Relat=C3=B3rio_=E2=80=94?=',
      ' =?utf-8?Q?_mar=C3=A7o?=',
      'Date: Fri, 27 Nov 2026 10:04:58 +0100 (CET)',
      'Message-ID: <x@y>',
      'References: <r@s> <a@b>',
      'In-Reply-To: <a@b>',
      '__proto__: polluted',
      'List-Unsubscribe: <https://example.org/out>',
      'Received: one',
      'Received: two',
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset="iso-8859-1"; format=flowed',
      'Content-Transfer-Encoding: 8bit',
      '',
      'Gr\u00fc\u00dfe ',
      'aus K\u00f6ln',
      ''
    ),
    'latin1'
  )
  for (const rendering of [
    { bodies: 'utf-8', headers: 'decoded' },
    { bodies: 'declared', headers: 'encoded' }
  ] as const) {
    const { id } = gmail.receive(raw, { rendering, labels: ['INBOX', 'STARRED'] })
    const { body } = await get(`/messages/${id}?headers=received,__proto__,X-None`)
    t.match(JSON.parse(body), {
      id,
      unread: false,
      starred: true,
      draft: false,
      date: '2026-11-27T09:04:58.000Z',
      receivedAt: /^20\d\d-.*Z$/,
      subject: 'Relatório — março',
      from: { name: 'Müller, Zoë', address: 'z@example.com' },
      sender: null,
      messageId: '<x@y>',
      inReplyTo: '<a@b>',
      text: /^Grüße aus Köln/,
      html: null,
      truncated: false,
      attachments: [],
      problems: []
    })
    const view = JSON.parse(body)
    t.same(view.to, [
      { name: '', address: 'a@b.c' },
      { name: 'X, Y', address: 'x@y.z' }
    ])
    t.same(view.references, ['<r@s>', '<a@b>'])
    t.same(view.headers.received, ['one', 'two'])
    t.same(view.headers['list-unsubscribe'], ['<https://example.org/out>'])
    t.equal(({} as { polluted?: string }).polluted, undefined)
  }
  t.same(google.violations, [])
})

t.test('[G1] message › Gmail keeps the body behind an attachmentId › it is fetched', async t => {
  const { gmail, get } = await mailbox(t)
  const { id } = gmail.receive({ from: 'a@b.c', subject: 's', body: 'the text' }, { rendering: { inPlaceBytes: 1 } })
  t.equal((await get(`/messages/${id}`)).json().text, 'the text')
})

t.test('[G3] message › inline files and `cid=urls`', async t => {
  const { gmail, get, base, user } = await mailbox(t)
  const html = '<img src="cid:logo@x"><img src="cid:none"><a href="CID:logo%40x">'
  const { id } = gmail.receive({
    from: 'a@b.c',
    subject: 's',
    body: 'text',
    html,
    attachments: [
      { filename: 'logo.png', mimeType: 'image/png', content: 'png', contentId: 'logo@x' },
      { filename: 'a.bin', content: 'bin' }
    ]
  })
  const plain = (await get(`/messages/${id}`)).json()
  t.equal(plain.html, html)
  t.match(plain.attachments, [
    { filename: 'logo.png', mimeType: 'image/png', size: 3, inline: true, contentId: 'logo@x' },
    { filename: 'a.bin', inline: false, contentId: null }
  ])
  const linked = (await get(`/messages/${id}?cid=urls`)).json()
  const url = `http://localhost:3000${base}/messages/${id}/attachments/${plain.attachments[0].id}?disposition=inline`
  t.equal(linked.html, `<img src="${url}"><img src="cid:none"><a href="${url}">`)
  const shown = await user.fetch(url.replace('http://localhost:3000', ''))
  t.equal(shown.body, 'png')
  t.equal(shown.headers['content-type'], 'image/png')
  t.match(shown.headers['content-disposition'], /^inline; filename="?logo.png"?$/)
})

t.test('[G5] attachment › by its part id from an old answer › the same bytes', async t => {
  const { gmail, get, google } = await mailbox(t)
  const { id } = gmail.receive({
    from: 'a@b.c',
    subject: 's',
    body: 'text',
    attachments: [{ filename: 'plan.txt', content: 'Number 1' }]
  })
  const [{ id: part }] = (await get(`/messages/${id}`)).json().attachments
  const fetchPart = () => get(`/messages/${id}/attachments/${part}`)
  const count = async () => {
    const before = google.calls('gmail')
    t.equal((await fetchPart()).body, 'Number 1')
    return google.calls('gmail') - before
  }
  t.equal(await count(), 2, 'cold')
  t.equal(await count(), 1, 'warm')
  await get(`/messages/${id}`)
  t.equal(await count(), 3, 'refused once, read again')
  t.equal(await count(), 1)
  isProblem(t, await get(`/messages/${id}/attachments/7`), 404, 'not_found')
  isProblem(t, await get(`/messages/${id}/attachments/ANGjdJ`), 400, 'invalid_request')
  const whole = gmail.receive(lines('Content-Type: image/png', 'Content-Transfer-Encoding: base64', '', 'cG5n'))
  t.equal((await get(`/messages/${whole.id}/attachments/root`)).body, 'png')
  t.same(google.violations, [])
})

t.test('[G7] attachment › hostile file names and types › harmless headers', async t => {
  const { gmail, get } = await mailbox(t)
  const files: [filename: string, mimeType: string, type: string, name: RegExp][] = [
    ['x.html', 'text/html', 'application/octet-stream', /filename="?x.html"?$/],
    ['x.svg', 'image/svg+xml', 'application/octet-stream', /filename="?x.svg"?$/],
    ['x.xml', 'application/xml', 'application/octet-stream', /filename="?x.xml"?$/],
    ['x.js', 'text/javascript', 'application/octet-stream', /filename="?x.js"?$/],
    ['../../etc/passwd', 'application/pdf', 'application/pdf', /filename="?passwd"?$/],
    ['..\\..\\boot.ini', 'application/pdf', 'application/pdf', /filename="?boot.ini"?$/],
    ['a\r\nSet-Cookie: x=1', 'image/png', 'image/png', /filename="aSet-Cookie_ x=1"$/],
    ['invoice\u202efdp.exe', 'application/pdf', 'application/pdf', /filename="?invoicefdp.exe"?$/],
    ['Prüf.pdf', 'application/pdf', 'application/pdf', /filename\*=UTF-8''Pr%C3%BCf.pdf$/],
    ['"quoted".png', 'image/png', 'image/png', /filename="?_quoted_.png"?$/],
    ['', 'application/x-unknown', 'application/octet-stream', /filename="?attachment"?$/]
  ]
  const { id } = gmail.receive({
    payload: {
      mimeType: 'multipart/mixed',
      parts: files.map(([filename, mimeType]) => ({ filename, mimeType, body: { attachmentId: 'a', data: 'YQ' } }))
    }
  })
  for (const [at, [filename, mimeType, type, name]] of files.entries()) {
    for (const query of ['', '?disposition=inline']) {
      const { headers, statusCode } = await get(`/messages/${id}/attachments/${at}${query}`)
      t.equal(statusCode, 200)
      t.equal(headers['content-type'], type, mimeType)
      t.match(headers['content-disposition'], name, filename)
      const shows = query !== '' && /pdf|png/.test(type)
      t.match(headers['content-disposition'], shows ? /^inline;/ : /^attachment;/)
      t.equal(headers['x-content-type-options'], 'nosniff')
      t.match(headers['content-security-policy'], "default-src 'none'")
      t.equal(headers['set-cookie'], undefined)
    }
  }
})

async function receiveMany(gmail: ReturnType<FakeGoogle['gmail']>, count: number): Promise<string[]> {
  const ids = Array.from(
    { length: count },
    (_, at) =>
      gmail.receive({ from: 'a@b.c', subject: `no ${at}`, body: `b ${at}` }, { labels: ['STARRED'], atMs: 1e12 + at })
        .id
  )
  return ids.reverse()
}

t.test('[G8] lists › expanded in one call, in order › an item that fails affects no other', async t => {
  const { gmail, get, google, user, base } = await mailbox(t)
  const ids = await receiveMany(gmail, 25)
  google.usage.limits.openCallsPerUser = 6
  const only = (id = '') => ({ only: ({ path }: { path: string }) => path.endsWith(`/messages/${id}`), times: 9 })
  google.fault('gmail', gmailFault('notFound'), only(ids[3]))
  google.fault('gmail', { status: 500, body: 'no' }, only(ids[5]))
  google.fault('gmail', { raw: '[]' }, only(ids[24]))
  for (const view of ['summary', 'full']) {
    const { items, ...rest } = (await get(`/messages?labelIds=STARRED&view=${view}`)).json()
    t.same(Object.keys(rest), ['nextPageToken'], 'no total')
    t.same(
      items.map((item: { id: string }) => item.id),
      ids
    )
    t.same(items[3], { id: ids[3], error: { code: 'not_found' } })
    t.same(items[5], { id: ids[5], error: { code: 'google_unavailable' } })
    t.same(items[24], { id: ids[24], error: { code: 'google_invalid_response' } })
    t.match(items[0], { subject: 'no 24', from: { address: 'a@b.c' } })
    t.equal('text' in items[0], view === 'full')
  }
  t.ok(google.usage.mostOpenCalls(ada) <= 6)
  google.clearFaults()
  const known = { ids: [ids[9], 'f00', ids[1]], view: 'full' }
  const { items } = (await user.fetch(`${base}/messages/get`, 'POST', known)).json()
  t.match(items, [{ id: ids[9], text: 'b 15' }, { id: 'f00', error: { code: 'not_found' } }, { id: ids[1] }])
  t.equal(items.length, 3)
})

t.test('[G8] lists › a fault of the whole connection › fails the page', async t => {
  const { gmail, get, google } = await mailbox(t)
  await receiveMany(gmail, 3)
  google.fault('gmail', gmailFault('authError'), { times: 99, only: ({ path }) => /messages\/./.test(path) })
  isProblem(t, await get('/messages?view=summary'), 409, 'needs_reconnect')
})

t.test('[G8] lists › more than 50 expanded › refused before any call', async t => {
  const { get, google, user, base } = await mailbox(t)
  for (const path of ['messages', 'threads']) {
    for (const query of ['view=full&limit=51', 'view=summary&limit=500', 'limit=501', 'limit=0', 'view=all']) {
      const answer = await get(`/${path}?${query}`)
      isProblem(t, answer, 400, 'invalid_request')
      t.match(problemOf(answer).errors, [{ pointer: /^\/querystring\/(limit|view)$/ }])
    }
  }
  const ids = Array.from({ length: 51 }, (_, at) => `${at}`)
  isProblem(t, await user.fetch(`${base}/messages/get`, 'POST', { ids }), 400, 'invalid_request')
  t.equal(google.calls('gmail'), 0)
})

t.test('[G9] lists › page by page to the end, an empty page included › every message once', async t => {
  const { gmail, get, google } = await mailbox(t)
  const ids = await receiveMany(gmail, 230)
  gmail.emptyPages.messages.left = 1
  const seen: string[] = []
  let pages = 0
  for (let token: string | null = ''; token !== null; pages++) {
    const query: string = token === '' ? '' : `&pageToken=${encodeURIComponent(token)}`
    const answer: { items: { id: string }[]; nextPageToken: string | null } = (
      await get(`/messages?labelIds=STARRED&limit=100${query}`)
    ).json()
    t.same(Object.keys(answer).sort(), ['items', 'nextPageToken'])
    seen.push(...answer.items.map(({ id }) => id))
    token = answer.nextPageToken
  }
  t.same(seen, ids)
  t.equal(pages, 4)
  t.same(google.violations, [])
})

t.test('threads › participants › each mailbox once, however it is written, and none for another', async t => {
  const { gmail, get } = await mailbox(t)
  const to = ['KATE@Example.com', '\u212aate@example.com', 'kate@gmail.com', 'Kate@googlemail.com']
  const first = gmail.receive({ from: 'kate@example.com', to: to.join(', '), subject: 'Voyage', body: 'one' })
  const { participants } = (await get(`/threads/${first.threadId}`)).json()
  t.same(
    participants.map(({ address }: { address: string }) => address),
    ['kate@example.com', '\u212aate@example.com', 'kate@gmail.com']
  )
})

t.test('threads › one view, drafts among them; lists of all views', async t => {
  const { gmail, get, google, user, base } = await mailbox(t)
  const first = gmail.receive({ from: 'Zoë <z@b.c>', subject: 'Voyage', body: 'one', messageId: '<1@x>' })
  gmail.receive(
    {
      from: 'ada@example.com',
      to: 'z@b.c',
      subject: 'Re: Voyage',
      body: 'two',
      inReplyTo: '<1@x>',
      references: '<1@x>'
    },
    { threadId: first.threadId, labels: ['DRAFT'] }
  )
  const thread = (await get(`/threads/${first.threadId}`)).json()
  t.match(thread, {
    id: first.threadId,
    subject: 'Voyage',
    snippet: 'two',
    messageCount: 2,
    unread: true,
    participants: [{ name: 'Zoë', address: 'z@b.c' }, { address: 'ada@example.com' }],
    messages: [
      { draft: false, text: 'one' },
      { draft: true, text: 'two' }
    ]
  })
  t.equal(thread.participants.length, 2)
  const summary = (await get('/threads?q=subject:Voyage&view=summary')).json().items
  const { messages: _, ...rest } = thread
  t.same(summary, [{ ...rest, historyId: summary[0].historyId }])
  t.equal((await get('/threads?q=subject:Voyage&view=full')).json().items[0].messages[0].text, 'one')
  t.same((await get('/threads?q=subject:Voyage')).json().items, [{ id: first.threadId }])
  const other = gmail.receive({ from: 'z@b.c', subject: 'Other', body: 'x' })
  const change = { addLabels: ['starred'], removeLabels: ['UNREAD'] }
  const changed = await user.fetch(`${base}/threads/${other.threadId}/modify`, 'POST', change)
  t.same(changed.json(), { id: other.threadId, labelIds: ['INBOX', 'STARRED'] })
  t.same(google.violations, [])
})

t.test('[G10] labels › by name or id › unknown ones are refused before the call, new ones are made once', async t => {
  const { gmail, google, user, base, get } = await mailbox(t)
  const { id } = gmail.receive({ from: 'a@b.c', subject: 's', body: 'b' })
  const post = (path: string, body: object) => user.fetch(`${base}/${path}`, 'POST', body)
  const modify = (body: object) => post(`messages/${id}/modify`, body)

  const made = await post('labels', { name: 'Work/2026' })
  t.equal(made.statusCode, 201)
  t.match(made.json(), { id: String, name: 'Work/2026', type: 'user', color: null })
  const again = await post('labels', { name: 'work/2026' })
  t.equal(again.statusCode, 200)
  t.equal(again.json().id, made.json().id)

  t.match((await modify({ addLabels: ['WORK/2026', 'starred'] })).json().labelIds, [
    'INBOX',
    'UNREAD',
    made.json().id,
    'STARRED'
  ])
  t.match((await modify({ removeLabels: [made.json().id, 'Starred'] })).json().labelIds, ['INBOX', 'UNREAD'])
  t.match((await get(`/labels/${made.json().id}`)).json(), { name: 'Work/2026', messagesTotal: 0 })
  await modify({ addLabels: ['Work/2026'] })
  const listed = (await get('/messages?labelIds=work/2026&labelIds=INBOX')).json()
  t.match(listed.items, [{ id }], 'lists take names too')
  t.match((await get(`/threads?labelIds=${made.json().id}`)).json().items, [Object])
  const strange = await get('/messages?labelIds=INBOX&labelIds=Play')
  isProblem(t, strange, 400, 'invalid_request')
  t.match(problemOf(strange).errors, [{ pointer: '/querystring/labelIds/1' }])
  await modify({ removeLabels: ['Work/2026'] })

  const calls = google.calls('gmail')
  const refused: [body: object, pointer: string][] = [
    [{ addLabels: ['SENT'] }, '/body/addLabels/0'],
    [{ addLabels: ['INBOX', 'draft'] }, '/body/addLabels/1'],
    [{ removeLabels: ['Chat'] }, '/body/removeLabels/0'],
    [{ addLabels: ['INBOX'], removeLabels: ['UNREAD', 'inbox'] }, '/body/removeLabels/1'],
    [{}, '/body/addLabels'],
    [{ addLabels: [], removeLabels: [] }, '/body/addLabels']
  ]
  for (const [body, pointer] of refused) {
    for (const answer of [await modify(body), await post('messages/batchModify', { ids: [id], ...body })]) {
      isProblem(t, answer, 400, 'invalid_request')
      t.match(problemOf(answer).errors, [{ pointer }])
    }
  }
  for (const name of [
    'Inbox',
    'SENT',
    'category_social',
    ' a',
    'a ',
    'a  b',
    '/a',
    'a/',
    'a//b',
    '',
    'x'.repeat(226)
  ]) {
    const answer = await post('labels', { name })
    isProblem(t, answer, 400, 'invalid_request')
    t.match(problemOf(answer).errors, [{ pointer: '/body/name' }], name)
  }
  for (const method of ['DELETE', 'PATCH'] as const) {
    const request = { method, url: `${base}/labels/INBOX`, ...(method === 'PATCH' && { payload: { name: 'x' } }) }
    isProblem(t, await user.request(request), 400, 'invalid_request')
  }
  t.equal(google.calls('gmail'), calls, 'no call for any of these')
  const unknown = await modify({ addLabels: ['No such'] })
  isProblem(t, unknown, 400, 'invalid_request')
  t.match(problemOf(unknown).errors, [{ pointer: '/body/addLabels/0' }])
  const renamed = { method: 'PATCH' as const, url: `${base}/labels/${made.json().id}`, payload: { name: 'Play' } }
  t.equal((await user.request(renamed)).json().name, 'Play')
  await post('labels', { name: 'Taken' })
  const taken = await user.request({ ...renamed, payload: { name: 'taken' } })
  isProblem(t, taken, 400, 'invalid_request')
  t.match(problemOf(taken).errors, [{ pointer: '/body/name' }])
  t.equal((await user.fetch(`${base}/labels/${made.json().id}`, 'DELETE')).statusCode, 204)
  t.equal((await post('messages/batchModify', { ids: [id, 'f00'], addLabels: ['STARRED'] })).statusCode, 204)
  t.same(google.violations, [])
})

t.test('[G28] historyIds › above 2^53, also where Google writes them as numbers › keep their digits', async t => {
  const { gmail, get, google } = await mailbox(t)
  const { id, threadId } = gmail.receive({ from: 'a@b.c', subject: 's', body: 'b' })
  const big = (body: string) => body.replaceAll(/"historyId":"\d+"/g, '"historyId": 9007199254740993')
  for (const path of ['/profile', `/messages/${id}`, `/threads/${threadId}`]) {
    google.fault('gmail', { raw: big })
    t.equal((await get(path)).json().historyId, '9007199254740993', path)
  }
})

t.test('[G25] answers › not a whole JSON object, under any content type › 502 on every route', async t => {
  const { gmail, google, user, base } = await mailbox(t)
  const { id, threadId } = gmail.receive({ from: 'a@b.c', subject: 's', body: 'b' })
  const reads = ['profile', 'aliases', 'labels', 'labels/INBOX', 'messages', 'threads', 'messages?view=full']
  reads.push(...['', '?format=full', '?format=metadata', '?format=minimal'].map(query => `messages/${id}${query}`))
  reads.push(
    `threads/${threadId}`,
    `threads/${threadId}?format=full`,
    `messages/${id}/raw`,
    `messages/${id}/attachments/0`
  )
  const change = { addLabels: ['STARRED'] }
  const writes: [path: string, body: object][] = [
    [`messages/${id}/modify`, change],
    [`messages/${id}/trash`, {}],
    [`threads/${threadId}/modify`, change],
    ['labels', { name: 'x' }]
  ]
  const requests = [
    ...reads.map(path => () => user.fetch(`${base}/${path}`)),
    ...writes.map(
      ([path, body]) =>
        () =>
          user.fetch(`${base}/${path}`, 'POST', body)
    )
  ]
  const bodies = [
    '',
    ' ',
    '<html>',
    '[]',
    '[{"id":"x"}]',
    '"text"',
    'null',
    'true',
    '12',
    '{"id":"x"',
    '{"id":"x"}}',
    '{'
  ]
  for (const body of bodies) {
    for (const contentType of ['application/json', 'text/html', 'application/octet-stream']) {
      google.fault('gmail', { status: 200, body, contentType }, Number.POSITIVE_INFINITY)
      for (const request of contentType === 'application/json' || body === '[]' ? requests : requests.slice(0, 12)) {
        isProblem(t, await request(), 502, 'google_invalid_response')
      }
      google.clearFaults()
    }
  }
})

t.test('message › Google’s own JSON, as it is, by format', async t => {
  const { gmail, get, google } = await mailbox(t)
  const { id, threadId } = gmail.receive({ from: 'a@b.c', subject: 's', body: 'b' })
  const full = (await get(`/messages/${id}?format=full`)).json()
  t.match(full, { id, threadId, payload: { mimeType: 'text/plain', headers: [{ name: 'From', value: 'a@b.c' }] } })
  t.equal('payload' in (await get(`/messages/${id}?format=minimal`)).json(), false)
  const metadata = (await get(`/messages/${id}?format=metadata&headers=subject`)).json()
  t.same(metadata.payload.headers, [{ name: 'Subject', value: 's' }])
  t.equal((await get(`/threads/${threadId}?format=full`)).json().messages.length, 1)
  isProblem(t, await get(`/messages/${id}?format=raw`), 400, 'invalid_request')
  const large = gmail.receive({ from: 'a@b.c', subject: 's', body: 3_000_000 })
  const passed = await get(`/messages/${large.id}?format=full`)
  t.equal(passed.json().payload.body.size, 3_000_000)
  t.same(google.violations, [])
})

t.test('[G4] text=derive › a mail with html only › its text, made outside the main thread within limits', async t => {
  const { gmail, get } = await mailbox(t)
  const html = '<h1>Hé</h1><p>a <a href="https://x.example/">link</a> &amp; more</p><script>no</script>'
  const htmlAlone = (html: string) =>
    gmail.receive(Buffer.from(lines('From: a@b.c', 'Content-Type: text/html; charset=utf-8', '', html))).id
  const only = htmlAlone(html)
  t.match((await get(`/messages/${only}`)).json(), { text: null, textFromHtml: false, html: /<h1>/ })
  const derived = (await get(`/messages/${only}?text=derive`)).json()
  t.match(derived, { text: 'Hé\n\na link [https://x.example/] & more', textFromHtml: true, truncated: false })
  t.match((await get(`/threads/${derived.threadId}?text=derive`)).json().messages, [{ textFromHtml: true }])

  const { id: both } = gmail.receive({ from: 'a@b.c', subject: 's', body: 'Own', html })
  t.match((await get(`/messages/${both}?text=derive`)).json(), { text: /^Own/, textFromHtml: false })
  const large = htmlAlone(`<p>${'word '.repeat(250_000)}</p>`)
  t.match((await get(`/messages/${large}?text=derive`)).json(), { textFromHtml: true, truncated: true })
  isProblem(t, await get(`/messages/${only}?text=both`), 400, 'invalid_request')
})

t.test('[G4] text=derive › html that would take for ever › no text, and the next mail has one', async t => {
  const { toText, close } = createHtmlToText({ timeoutMs: 2_000 })
  t.teardown(close)
  const [never, next] = await Promise.all([toText('<div>'.repeat(200_000)), toText('<p>Next</p>')])
  t.equal(never, null)
  t.match(next, { text: 'Next' })
})
