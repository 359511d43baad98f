import t from 'tap'
import { startGmail } from './gmail-story.ts'

interface ShownPart {
  partId: string
  mimeType: string
  filename: string
  headers: { name: string; value: string }[]
  body: { size: number; data?: string; attachmentId?: string }
  parts?: ShownPart[]
}

const text = (part: ShownPart | undefined) => Buffer.from(part?.body.data ?? '', 'base64url').toString()
const NESTED = [
  'From: =?iso-8859-1?Q?M=FCller=2C_Zo=EB?= <z@example.org>',
  'To: ada@example.com',
  'Subject: =?utf-8?B?UmVsYXTDs3Jp?= =?utf-8?B?byDigJQgbWFyw6dv?=',
  'Content-Type: multipart/mixed; boundary="out"',
  '',
  'not shown',
  '--out',
  'Content-Type: multipart/alternative; boundary=in',
  '',
  '--in',
  'Content-Type: text/plain; charset=iso-8859-1',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'Z=FCrich & "Bern" =',
  "isn't",
  '--in',
  'Content-Type: text/html; charset=utf-8',
  '',
  '<p>Zürich</p>',
  '--in--',
  '--out',
  "Content-Type: application/pdf; name*0*=utf-8''Pr%C3%BC; name*1=f.pdf",
  'Content-Transfer-Encoding: base64',
  'Content-Disposition: attachment',
  '',
  'JVBERg==',
  '--out',
  'Content-Type: message/rfc822',
  '',
  'Subject: inner',
  'Content-Type: multipart/mixed; boundary=deep',
  '',
  '--deep',
  '',
  'inner text',
  '--deep',
  'Content-Type: image/png; name=x.png',
  'Content-Transfer-Encoding: base64',
  '',
  'iVBORw==',
  '--deep--',
  '--out--'
].join('\r\n')

t.test('mail › parts, names, charset and headers as Gmail gives them', async t => {
  const { gmail, call } = await startGmail(t)
  const { id } = gmail.receive(NESTED)
  const { body } = await call(`messages/${id}`)
  const payload = body.payload as ShownPart
  t.equal(body.snippet, 'Zürich &amp; &quot;Bern&quot; isn&#39;t')
  t.same(payload.headers.slice(0, 3), [
    { name: 'From', value: 'Müller, Zoë <z@example.org>' },
    { name: 'To', value: 'ada@example.com' },
    { name: 'Subject', value: 'Relatório — março' }
  ])
  const [alternative, pdf, forwarded] = payload.parts ?? []
  const [plain, html] = alternative?.parts ?? []
  t.same([plain?.partId, plain?.mimeType, text(plain)], ['0.0', 'text/plain', 'Zürich & "Bern" isn\'t'])
  t.match(plain?.headers, [{ name: 'Content-Type', value: /iso-8859-1/ }], 'the old label stays')
  t.same([html?.partId, text(html)], ['0.1', '<p>Zürich</p>'])
  t.match(pdf, { partId: '1', filename: 'Prüf.pdf', body: { size: 4, data: undefined } })
  t.ok((pdf?.body.attachmentId?.length ?? 0) > 300)
  t.match(forwarded, { partId: '2', mimeType: 'message/rfc822', body: { attachmentId: /./ } })
  const inner = forwarded?.parts?.[0]
  t.match(inner, { partId: '2.0', headers: [{ name: 'Subject', value: 'inner' }, {}] })
  t.match(inner?.parts, [
    { partId: '2.0.0', mimeType: 'text/plain' },
    { partId: '2.0.1', filename: 'x.png', body: { size: 4 } }
  ])
  t.equal(text(inner?.parts?.[0]), 'inner text')
  const raw = (await call(`messages/${id}?format=raw`)).body.raw
  t.equal(Buffer.from(String(raw), 'base64url').toString(), NESTED)
})

t.test('mail › bodies may be left in their charset and headers in their words', async t => {
  const { gmail, call } = await startGmail(t)
  const { id } = gmail.receive(NESTED, { rendering: { bodies: 'declared', headers: 'encoded' } })
  const { payload } = (await call(`messages/${id}`)).body as { payload: ShownPart }
  const plain = payload.parts?.[0]?.parts?.[0]
  t.match(Buffer.from(plain?.body.data ?? '', 'base64url').toString('latin1'), /^Zürich/)
  t.match(payload.headers[0]?.value, /^=\?iso-8859-1\?Q\?/)
  const japanese = gmail.receive(
    Buffer.concat([
      Buffer.from('Subject: x\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\n'),
      Buffer.from('1b2442467c4b5c386c1b2842', 'hex')
    ])
  )
  const full = (await call(`messages/${japanese.id}`)).body as { payload: ShownPart }
  t.equal(text(full.payload), '日本語')
})

t.test('mail › an attachmentId is invalid after the next answer', async t => {
  const { gmail, call, google } = await startGmail(t)
  const { id } = gmail.receive(NESTED)
  const idOfPdf = async () => ((await call(`messages/${id}`)).body.payload as ShownPart).parts?.[1]?.body.attachmentId
  const first = await idOfPdf()
  t.match((await call(`messages/${id}/attachments/${first}`)).body, { size: 4, data: 'JVBERg' })
  const second = await idOfPdf()
  t.not(first, second)
  const stale = await call(`messages/${id}/attachments/${first}`)
  t.match(stale, { status: 400, body: { error: { message: 'Invalid attachment token' } } })
  t.equal((await call(`messages/${id}/attachments/${second}`)).status, 200)
  t.same(google.violations, [], 'which is no fault of the client')
})

t.test('mail › a message converted by the test itself is served as it is, with attachmentIds of the fake', async t => {
  const { gmail, call } = await startGmail(t)
  const payload = {
    mimeType: 'multipart/mixed',
    headers: [{ name: 'Subject', value: 'ready' }],
    parts: [
      { mimeType: 'text/plain', headers: [], body: { data: Buffer.from('hi').toString('base64url') } },
      { mimeType: 'image/png', filename: 'a.png', body: { attachmentId: 'any', data: 'AAAA' } }
    ]
  }
  const { id } = gmail.receive({ payload, raw: 'Subject: ready\r\n\r\nhi' })
  const shown = (await call(`messages/${id}`)).body.payload as ShownPart
  t.equal(text(shown.parts?.[0]), 'hi')
  const attachmentId = shown.parts?.[1]?.body.attachmentId
  t.not(attachmentId, 'any')
  t.match((await call(`messages/${id}/attachments/${attachmentId}`)).body, { size: 3, data: 'AAAA' })
})

t.test('mail › a partial answer holds the requested fields', async t => {
  const { gmail, call } = await startGmail(t)
  const { id } = gmail.receive(NESTED)
  const { body } = await call(`messages/${id}?fields=id,payload(partId,parts(partId,body/size,parts/filename))`)
  t.same(body, {
    id,
    payload: {
      partId: '',
      parts: [
        { partId: '0', body: { size: 0 }, parts: [{ filename: '' }, { filename: '' }] },
        { partId: '1', body: { size: 4 } },
        { partId: '2', body: { size: (body.payload as ShownPart).parts?.[2]?.body.size }, parts: [{ filename: '' }] }
      ]
    }
  })
})

t.test('mail › search supports the operators that are used', async t => {
  const { gmail, call } = await startGmail(t)
  const at = (iso: string) => ({ atMs: Date.parse(iso) })
  gmail.receive(
    { subject: 'Old news', from: 'a@b.c', body: 'x', messageId: '<old@b.c>' },
    { id: 'm1', ...at('2026-01-02') }
  )
  gmail.receive({ subject: 'New news', from: 'd@e.f', body: 'y' }, { id: 'm2', labels: ['SENT'], ...at('2026-03-04') })
  gmail.receive({ subject: 'Gone', from: 'd@e.f', body: 'y' }, { id: 'm3', labels: ['TRASH'], ...at('2026-03-05') })
  const found = async (q: string) => {
    const { messages } = (await call(`messages?q=${encodeURIComponent(q)}`)).body as { messages?: { id: string }[] }
    return messages?.map(({ id }) => id)
  }
  t.same(await found('rfc822msgid:<old@b.c>'), ['m1'])
  t.same(await found('rfc822msgid:old@b.c'), ['m1'])
  t.same(await found('subject:news'), ['m2', 'm1'])
  t.same(await found(`after:${Date.parse('2026-02-01') / 1000}`), ['m2'])
  t.same(await found('before:2026/02/01 news'), ['m1'])
  t.same(await found('in:sent'), ['m2'])
  t.same(await found('in:anywhere from:d@e.f'), ['m3', 'm2'])
  t.same(await found('-in:inbox'), ['m2'])
  t.same(await found('nothing'), undefined)
})
