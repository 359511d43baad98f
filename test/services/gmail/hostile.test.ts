import t from 'tap'
import { build } from '../../helper.ts'

/** Replaces Google's real answer. */
const message = (payload: object) => ({ id: 'm1', threadId: 'm1', labelIds: [], internalDate: '1', payload })
const base64 = (text: string) => Buffer.from(text).toString('base64url')
const nested = (depth: number) =>
  `{"id":"m1","payload":${'{"mimeType":"multipart/mixed","parts":['.repeat(depth)}{}${']}'.repeat(depth)}}`

t.test('[G4] hostile mail › each is answered, within limits', async t => {
  const { google, signedIn } = await build(t)
  const ada = await signedIn()
  const { id } = await ada.connected()
  const url = `/connections/${id}/gmail/messages/m1`
  const html = '<p>é</p>'.repeat(3_500_000)
  const words = '=?utf-8?Q?a?= '.repeat(100_000)
  const headers = (value: string) =>
    ['From', 'To', 'Cc', 'Subject', 'References', 'Content-Type', 'Content-Disposition'].map(name => ({ name, value }))
  const answers: Record<string, { body: string; cut: boolean }> = {
    'depth 10 000': { body: nested(10_000), cut: true },
    'depth 3 000, uncut': { body: nested(3_000), cut: true },
    'a header of 120 kB, uncut': {
      body: JSON.stringify(message({ headers: [{ name: 'To', value: 'a@b.c,'.repeat(20_000) }] })),
      cut: false
    },
    'encoded words of 120 kB, uncut': {
      body: JSON.stringify(message({ headers: [{ name: 'Subject', value: '=?utf-8?Q?a?= '.repeat(8_500) }] })),
      cut: false
    },
    '100 000 parts': {
      body: JSON.stringify(
        message({ mimeType: 'multipart/mixed', parts: Array(100_000).fill({ mimeType: 'image/png' }) })
      ),
      cut: true
    },
    'a header of 10 MB': {
      body: JSON.stringify(message({ headers: [{ name: 'To', value: 'a@b.c,'.repeat(1_700_000) }] })),
      cut: false
    },
    'encoded words of 10 MB in all': { body: JSON.stringify(message({ headers: headers(words) })), cut: false },
    '300 000 headers': {
      body: JSON.stringify(message({ headers: Array(300_000).fill({ name: 'To', value: 'a@b.c' }) })),
      cut: false
    },
    'a header named __proto__': {
      body: JSON.stringify(message({ headers: [{ name: '__proto__', value: 'polluted' }] })),
      cut: false
    },
    'html of 30 MB': {
      body: JSON.stringify(
        message({ mimeType: 'text/html', body: { size: html.length + 3_500_000, data: base64(html) } })
      ),
      cut: true
    },
    'text of 30 MB in a charset': {
      body: JSON.stringify(
        message({
          headers: [{ name: 'Content-Type', value: 'text/plain; charset=koi8-r; format=flowed' }],
          mimeType: 'text/plain',
          body: { size: 30_000_000, data: Buffer.alloc(30_000_000, 'òÒ \n', 'latin1').toString('base64url') }
        })
      ),
      cut: true
    },
    'parts of the wrong kind': {
      body: JSON.stringify(message({ parts: [null, 3, 'x'], headers: [{}], body: {} })).replace('null,3,"x"', '{},{}'),
      cut: false
    }
  }
  for (const [name, { body, cut }] of Object.entries(answers)) {
    google.fault('gmail', { status: 200, body, contentType: 'application/json' })
    const answer = await ada.fetch(url)
    t.equal(answer.statusCode, 200, name)
    const { truncated, attachments, text, html } = answer.json()
    t.equal(truncated, cut, name)
    t.ok(attachments.length <= 1000, name)
    t.ok(Buffer.byteLength(`${text}${html}`) <= 11 * 1024 * 1024, name)
  }
  t.equal(({} as { polluted?: unknown }).polluted, undefined)
})
