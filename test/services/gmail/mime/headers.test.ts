import t from 'tap'
import { readAddresses } from '../../../../src/services/gmail/mime/addresses.ts'
import { readDate } from '../../../../src/services/gmail/mime/date.ts'
import { unflow } from '../../../../src/services/gmail/mime/flowed.ts'
import { readHeaderText, readStructured } from '../../../../src/services/gmail/mime/header-words.ts'
import { readSnippet } from '../../../../src/services/gmail/mime/snippet.ts'

t.test('[G2] encoded words › decoded where they are allowed, left alone elsewhere', async t => {
  const cases = {
    'Relatório — março': 'Relatório — março',
    '=?utf-8?Q?Relat=C3=B3rio?= =?utf-8?Q?_=E2=80=94?=': 'Relatório —',
    '=?utf-8?B?w?= =?utf-8?B?6k=?=': 'é',
    '=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=': '日本',
    '=?UTF-8?Q?a?=\r\n =?UTF-8?Q?b?= c': 'ab c',
    '=?utf-7?Q?+ADw-?=': '+ADw-',
    'Price =? 3': 'Price =? 3',
    '=?utf-8?Q?caf=E9?=': 'café',
    '=?x-unknown?Q?caf=E9?=': 'café',
    '=?x-unknown?Q?caf=C3=A9?=': 'café',
    '=?us-ascii?B?Y2Fm6Q==?=': 'café',
    '=?utf-8?B?5pel5pys6KqeIOY=?=': '日本語 \ufffd',
    'folded\r\n\tonce': 'folded once',
    'NUL\0 and =?utf-8?Q?CR=0D=0ALF?=': 'NUL and CRLF'
  }
  for (const [value, text] of Object.entries(cases)) t.equal(readHeaderText(value), text)
})

t.test('[G2] parameters › RFC 2231, split characters, encoded words in quotes, any name', async t => {
  const filename = (value: string) => readStructured(value).params.filename
  t.equal(filename("attachment; filename*0*=utf-8''Pr%C3; filename*1*=%BCf.pdf"), 'Prüf.pdf')
  t.equal(filename("attachment; filename*=iso-8859-1'en'%A3.txt"), '£.txt')
  t.equal(filename('attachment; filename="=?utf-8?Q?Pr=C3=BCf.pdf?="'), 'Prüf.pdf')
  t.equal(filename('ATTACHMENT; FILENAME="x.txt"'), 'x.txt')
  t.equal(filename('attachment; filename*0="Trick\'s"'), "Trick's")
  t.equal(readStructured(' Attachment ;x').value, 'attachment')
  t.equal(readStructured('text/plain; charset="utf-8" (x)').params.charset, 'utf-8')
  const { params } = readStructured('a/b; __proto__=x; constructor=y')
  t.equal(Object.getPrototypeOf(params), null)
  t.equal({}.constructor, Object)
})

t.test('[G2] addresses › names with commas, and groups › each person once', async t => {
  const cases: Record<string, [name: string, address: string][]> = {
    '=?utf-8?Q?M=C3=BCller=2C_Zo=C3=AB?= <z@example.com>': [['Müller, Zoë', 'z@example.com']],
    'Müller, Zoë <z@example.com>': [['Müller, Zoë', 'z@example.com']],
    '"Müller, Zoë" <z@example.com>, b@c.d': [
      ['Müller, Zoë', 'z@example.com'],
      ['', 'b@c.d']
    ],
    'Team: a@b.c, "X, Y" <x@y.z>;, q@r.s': [
      ['', 'a@b.c'],
      ['X, Y', 'x@y.z'],
      ['', 'q@r.s']
    ],
    'undisclosed-recipients:;': [],
    'Bob (the (nested) builder) <b@b.c>': [['Bob', 'b@b.c']],
    'b@b.c (Bob Builder)': [['Bob Builder', 'b@b.c']],
    '"=?utf-8?Q?M=C3=BCller?=" <a@b>': [['Müller', 'a@b']],
    '"x@y z"@d.e': [['', '"x@y z"@d.e']],
    '=?iso-8859-1?Q?Andr=E9?=\r\n =?iso-8859-1?Q?_Dupont?= <a@b.c>': [['André Dupont', 'a@b.c']],
    root: [['', 'root']],
    'Undisclosed recipients': [['Undisclosed recipients', '']],
    '': []
  }
  for (const [value, people] of Object.entries(cases))
    t.same(
      readAddresses(value),
      people.map(([name, address]) => ({ name, address })),
      value
    )
})

t.test('[G2] addresses › marks inside a name that Gmail has decoded › are letters of it', async t => {
  const cases: Record<string, [name: string, address: string][]> = {
    'a"b <c@d.e>': [['a"b', 'c@d.e']],
    'a"b, c <d@e.f>, g@h.i': [
      ['a"b, c', 'd@e.f'],
      ['', 'g@h.i']
    ],
    '5" disk <a@b.c>, 3" disk <d@e.f>': [
      ['5" disk', 'a@b.c'],
      ['3" disk', 'd@e.f']
    ],
    '"b <c@d.e>': [['"b', 'c@d.e']],
    'the "big" one <c@d.e>': [['the big one', 'c@d.e']],
    '"the \\"big\\" one" <c@d.e>': [['the "big" one', 'c@d.e']],
    '<ceo@bank.example> <c@d.e>': [['<ceo@bank.example>', 'c@d.e']],
    'CEO <ceo@bank.example> <c@d.e>, <f@g.h>': [
      ['CEO <ceo@bank.example>', 'c@d.e'],
      ['', 'f@g.h']
    ],
    '"<ceo@bank.example>" <c@d.e>': [['<ceo@bank.example>', 'c@d.e']],
    '<@route,@b:c@d.e>': [['', 'c@d.e']],
    '(a "comment) <c@d.e>': [['a "comment', 'c@d.e']],
    'a (x "y) z <c@d.e>': [['a z', 'c@d.e']]
  }
  for (const [value, people] of Object.entries(cases))
    t.same(
      readAddresses(value),
      people.map(([name, address]) => ({ name, address })),
      value
    )
  // The time for each is linear in its length.
  for (const value of ['"', '<', '<a', '"a ', ' "', '<">'].map(part => part.repeat(65_536 / part.length)))
    t.ok(Array.isArray(readAddresses(`${value}>`)))
})

t.test('[G2] dates › in UTC, or null', async t => {
  t.equal(readDate('Fri, 27 Nov 2026 10:04:58 +0100'), '2026-11-27T09:04:58.000Z')
  t.equal(readDate('27 Nov 2026 10:04:58 +0100 (CET)'), '2026-11-27T09:04:58.000Z')
  t.equal(readDate('Fri, 27 Nov 26 09:04:58 GMT'), '2026-11-27T09:04:58.000Z')
  t.equal(readDate('27 Nov 2026 10:04'), '2026-11-27T10:04:00.000Z', 'without a zone, wherever the server stands')
  t.equal(readDate('Fri, 27 Nov 2026 10:04:58 GMT+0100'), '2026-11-27T09:04:58.000Z')
  t.equal(readDate('Fri, 27 Nov 2026 10:04 EST'), '2026-11-27T15:04:00.000Z')
  for (const none of ['31 Feb 2026 10:00 +0000', '0 Nov 2026 10:00 +0000', '27 Nov 2026 10:04:58 +9999'])
    t.equal(readDate(none), null, none)
  for (const none of [undefined, '', 'yesterday', 'room 1', 'Fri, 99 Nov 2026 10:04:58', '1 Jan 99999 00:00'])
    t.equal(readDate(none), null, String(none))
})

t.test('flowed text › soft breaks are joined, DelSp too; quotes and signatures stay', async t => {
  const flowed = { format: 'flowed' }
  t.equal(unflow('one \ntwo\n\nthree', flowed), 'one two\n\nthree')
  t.equal(unflow('won \nderful', { ...flowed, delsp: 'Yes' }), 'wonderful')
  t.equal(unflow('> one \n> two\nmine', flowed), '> one two\nmine')
  t.equal(unflow('text\n-- \nAda', flowed), 'text\n-- \nAda')
  t.equal(unflow(' stuffed', flowed), 'stuffed')
  t.equal(unflow('one \ntwo', {}), 'one \ntwo')
})

t.test('snippets › plain text, without filler characters', async t => {
  t.equal(readSnippet('It&#39;s here &amp; &lt;b&gt; &amp;lt;'), "It's here & <b> &lt;")
  t.equal(readSnippet('Sale \u034f \u200c \u034f\u200c\u00a0\ufeff'), 'Sale')
  t.equal(readSnippet('Familie 👨\u200d👩\u200d👧 می\u200cخواهم'), 'Familie 👨\u200d👩\u200d👧 می\u200cخواهم')
})
