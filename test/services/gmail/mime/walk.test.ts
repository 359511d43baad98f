import t from 'tap'
import { type Part, walk } from '../../../../src/services/gmail/mime/walk.ts'

const text = (more: Partial<Part> = {}): Part => ({ mimeType: 'text/plain', body: { data: 'YQ', size: 1 }, ...more })
const html = (more: Partial<Part> = {}): Part => ({ mimeType: 'text/html', body: { data: 'YQ', size: 1 }, ...more })
const file = (more: Partial<Part> = {}): Part => ({
  mimeType: 'image/png',
  body: { attachmentId: 'x', size: 1 },
  ...more
})
const multi = (subtype: string, ...parts: Part[]): Part => ({
  mimeType: `multipart/${subtype}`,
  body: { size: 0 },
  parts
})
const disposed = (value: string) => ({ headers: [{ name: 'CONTENT-Disposition', value }] })

/** By partIds as Gmail gives them. */
function numbered(part: Part, partId = ''): Part {
  const parts = part.parts?.map((child, at) => numbered(child, partId === '' ? `${at}` : `${partId}.${at}`))
  return { ...part, partId, ...(parts && { parts }) }
}

function read(root: Part) {
  const { texts, htmls, attachments } = walk(numbered(root))
  const ids = (leaves: typeof texts) => leaves.map(({ id }) => id).join(' ')
  return [ids(texts), ids(htmls), ids(attachments)]
}

t.test('[G3] parts › mails of every usual structure › text, html and files are found', async t => {
  const cases: Record<string, [root: Part, texts: string, htmls: string, files: string]> = {
    'text alone': [text(), 'root', '', ''],
    'html alone': [html(), '', 'root', ''],
    'a file alone': [file(), '', '', 'root'],
    alternative: [multi('alternative', text(), html()), '0', '1', ''],
    'alternative with a picture': [multi('alternative', text(), multi('related', html(), file())), '0', '1.0', '1.1'],
    'related around alternative': [multi('related', multi('alternative', text(), html()), file()), '0.0', '0.1', '1'],
    'mixed with a file': [multi('mixed', multi('alternative', text(), html()), file()), '0.0', '0.1', '1'],
    'several texts around a picture': [multi('mixed', text(), file(), text()), '0 2', '', '1'],
    'several html': [multi('mixed', html(), file(), html()), '', '0 2', '1'],
    'mixed inside alternative': [
      multi('alternative', text(), multi('mixed', html(), file(), html())),
      '0',
      '1.0 1.2',
      '1.1'
    ],
    'two texts in alternative': [multi('alternative', text(), text(), html()), '0', '2', '1'],
    'a calendar in alternative': [multi('alternative', text(), html(), { mimeType: 'text/calendar' }), '0', '1', '2'],
    'enriched text': [multi('alternative', text(), { mimeType: 'text/enriched' }), '0', '', '1'],
    'upper-case ATTACHMENT': [multi('mixed', text(), text(disposed('ATTACHMENT; filename="a.txt"'))), '0', '', '1'],
    'a named text beside a body': [multi('mixed', text(), text({ filename: 'a.txt' })), '0', '', '1'],
    'a named html in alternative': [multi('alternative', text(), html({ filename: 'page.html' })), '0', '1', ''],
    'a named text alone': [text({ filename: 'a.txt' }), 'root', '', ''],
    'named texts alone': [multi('mixed', text({ filename: 'a.txt' }), text({ filename: 'b.txt' })), '0', '', '1'],
    'a text that is an attachment': [text(disposed('attachment')), '', '', 'root'],
    'a style sheet by its Content-ID': [
      multi('related', html(), text({ headers: [{ name: 'Content-Id', value: '<css>' }] })),
      '',
      '0',
      '1'
    ],
    'a multipart without parts': [{ ...multi('mixed'), body: { data: 'YQ', size: 1 } }, 'root', '', ''],
    'no type': [{ body: { data: 'YQ', size: 1 } }, 'root', '', ''],
    'a type that is none': [{ mimeType: 'text', body: { data: 'YQ', size: 1 } }, 'root', '', ''],
    'a report': [
      multi('report', text(), { mimeType: 'message/delivery-status' }, { mimeType: 'message/rfc822', parts: [text()] }),
      '0',
      '',
      '1 2'
    ],
    'a forward': [
      multi('mixed', text(), { mimeType: 'message/rfc822', parts: [multi('mixed', text(), html(), file())] }),
      '0',
      '',
      '1 1.0.2'
    ],
    empty: [{}, 'root', '', '']
  }
  for (const [name, [root, ...expected]] of Object.entries(cases)) t.same(read(root), expected, name)
})

t.test('[G3] parts › inside a forwarded mail › are marked as such', async t => {
  const inner = { mimeType: 'message/rfc822', parts: [multi('mixed', text(), file())] }
  const outer = { mimeType: 'message/rfc822', parts: [multi('mixed', text(), inner)] }
  const { attachments } = walk(numbered(multi('mixed', text(), outer)))
  t.same(
    attachments.map(({ id, within }) => [id, within]),
    [
      ['1', null],
      ['1.0.1', '1'],
      ['1.0.1.0.1', '1.0.1']
    ]
  )
})

t.test('[G2] file names › from Gmail, else from the headers, without characters that deceive', async t => {
  const names = (part: Part) => walk(part).leaves[0]?.filename
  t.equal(names(file({ filename: 'Prüf.pdf' })), 'Prüf.pdf')
  t.equal(names(file({ filename: '=?utf-8?Q?Pr=C3=BCf.pdf?=' })), 'Prüf.pdf')
  t.equal(names(file(disposed("attachment; filename*0*=utf-8''Pr%C3; filename*1*=%BCf.pdf"))), 'Prüf.pdf')
  t.equal(names(file({ headers: [{ name: 'Content-Type', value: 'image/png; name="a b.png"' }] })), 'a b.png')
  t.equal(names(file({ filename: 'a\u202egnp.exe\r\nX: y\0' })), 'agnp.exeX: y')
  t.equal(names(file({ filename: '' })), null)
})

t.test('[G4] parts › nested too deep or too many › the walk ends and says that it was cut', async t => {
  let deep: Part = text()
  for (let depth = 0; depth < 10_000; depth++) deep = { mimeType: 'multipart/mixed', parts: [deep] }
  t.match(walk(deep), { texts: [], attachments: [], truncated: true })
  const wide = walk(multi('mixed', ...Array.from({ length: 100_000 }, () => file())))
  t.equal(wide.attachments.length, 999)
  t.equal(wide.truncated, true)
  t.equal(walk(multi('mixed', ...Array.from({ length: 999 }, () => file()))).truncated, false)
})
