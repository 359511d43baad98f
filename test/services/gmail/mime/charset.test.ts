import t from 'tap'
import { decodeText } from '../../../../src/services/gmail/mime/charset.ts'

const utf8 = (text: string) => Buffer.from(text)
const latin1 = (text: string) => Buffer.from(text, 'latin1')

/** The bytes of the sender's program, and the text that the sender wrote. */
const written: readonly [charset: string, bytes: Buffer, text: string][] = [
  ['iso-2022-jp', latin1('\u001b$BF|K\\8l\u001b(B'), '日本語'],
  ['csISO2022JP', latin1('Re: \u001b$BF|K\\8l\u001b(B!'), 'Re: 日本語!'],
  ['iso-2022-kr', latin1('\u001b$)C\u000eGQ1[\u000f ok'), '한글 ok'],
  ['iso-2022-cn', latin1('\u001b$)A\u000e=;;;\u000f'), '交换'],
  ['hz-gb-2312', latin1('This is ~{<:Ky2;S{#,NpJ)SZHK!#~} ok ~~'), 'This is 己所不欲，勿施于人。 ok ~'],
  ['iso-8859-1', latin1('Gr\u00fc\u00dfe'), 'Grüße'],
  ['"iso-8859-1"', latin1('Gr\u00fc\u00dfe'), 'Grüße'],
  ["'ISO-8859-1' (Latin)", latin1('Gr\u00fc\u00dfe'), 'Grüße'],
  ['latin1', latin1('Gr\u00fc\u00dfe'), 'Grüße'],
  ['iso-8859-15', latin1('10 \u00a4'), '10 €'],
  ['iso-8859-8-i', latin1('\u00f9\u00ec\u00e5\u00ed'), 'שלום'],
  ['windows-1252', latin1('\u0093so\u0094'), '“so”'],
  ['windows-1251', latin1('\u00cf\u00f0\u00e8\u00e2\u00e5\u00f2'), 'Привет'],
  ['koi8-r', latin1('\u00f0\u00d2\u00c9\u00d7\u00c5\u00d4'), 'Привет'],
  ['cp866', latin1('\u008f\u00e0\u00a8\u00a2\u00a5\u00e2'), 'Привет'],
  ['cp437', latin1('Gr\u0081\u00e1e'), 'Grüße'],
  ['cp850', latin1('Gr\u0081\u00e1e'), 'Grüße'],
  ['shift_jis', latin1('\u0093\u00fa\u0096{\u008c\u00ea'), '日本語'],
  ['cp932', latin1('\u0093\u00fa\u0096{\u008c\u00ea'), '日本語'],
  ['euc-jp', latin1('\u00c6\u00fc\u00cb\u00dc\u00b8\u00ec'), '日本語'],
  ['gb2312', latin1('\u00d6\u00d0\u00b9\u00fa'), '中国'],
  ['gb18030', latin1('\u00d6\u00d0\u00b9\u00fa'), '中国'],
  ['big5', latin1('\u00a4\u00a4\u00b0\u00ea'), '中國'],
  ['ks_c_5601-1987', latin1('\u00c7\u00d1\u00b1\u00db'), '한글'],
  ['cp949', latin1('\u00c7\u00d1\u00b1\u00db'), '한글'],
  ['utf-16le', Buffer.from('Zoë 日本', 'utf16le'), 'Zoë 日本'],
  ['utf-16be', Buffer.from('Zoë 日本', 'utf16le').swap16(), 'Zoë 日本'],
  ['utf-16', Buffer.from('\ufeffZoë 日本', 'utf16le'), 'Zoë 日本'],
  ['viscii', latin1('Vi\u00aet Nam'), 'Việt Nam'],
  ['UTF-8', utf8('Zoë 日本 🗝'), 'Zoë 日本 🗝'],
  ['utf8', utf8('Zoë'), 'Zoë']
]

for (const [charset, bytes, text] of written) {
  t.test(`[G1] charset › ${charset} › as sent, or converted by Google under the old label`, async t => {
    t.same(await decodeText(bytes, charset), { text, uncertain: false })
    t.same(await decodeText(utf8(text), charset), { text, uncertain: false })
  })
}

t.test('[G1] charset › none, an unknown one or a wrong one over UTF-8 › UTF-8', async t => {
  for (const label of [undefined, '', 'x-unknown', 'iso-8859-1', 'us-ascii', 'big5', 'utf-7', '__proto__', '"'])
    t.same(await decodeText(utf8('Zoë — 日本'), label), { text: 'Zoë — 日本', uncertain: false }, String(label))
})

t.test('[G1] charset › an encoding with escapes, and no escape in the text › decided by the bytes', async t => {
  t.same(await decodeText(utf8('plain'), 'iso-2022-jp'), { text: 'plain', uncertain: false })
  t.same(await decodeText(utf8('~ 日本'), 'hz-gb-2312'), { text: '~ 日本', uncertain: false })
})

t.test("[G1] charset › Japanese escapes without a label, or under ASCII's › are read", async t => {
  const bytes = latin1('a \x1b$B$3\x1b(B b')
  for (const label of [undefined, '', 'us-ascii', 'cp50220'])
    t.same(await decodeText(bytes, label), { text: 'a こ b', uncertain: false }, String(label))
  t.same(await decodeText(bytes, 'koi8-r'), { text: 'a \x1b$B$3\x1b(B b', uncertain: false })
})

t.test('[G1] charset › UTF-7 is never decoded, and what it hides is a problem', async t => {
  for (const label of ['utf-7', 'UTF7', 'unicode-1-1-utf-7', 'utf-7-imap', 'base64', 'hex'])
    t.same(
      await decodeText(utf8('+ADw-script+AD4-'), label),
      { text: '+ADw-script+AD4-', uncertain: /utf/i.test(label) },
      String(label)
    )
  t.same(await decodeText(utf8('1 + 1 +- x'), 'utf-7'), { text: '1 + 1 +- x', uncertain: false })
  t.notMatch((await decodeText(latin1('+ADw-script+AD4-\u00e9'), 'utf-7')).text, '<')
})

t.test('[G1] charset › none declared › html may name its own', async t => {
  const page = (charset: string) =>
    latin1(`<html><meta charset="${charset}"><p>\u00cf\u00f0\u00e8\u00e2\u00e5\u00f2</p>`)
  t.match(await decodeText(page('windows-1251'), 'x-unknown', true), { text: /Привет/, uncertain: false })
  t.match(await decodeText(page('windows-1251'), undefined, true), { text: /Привет/, uncertain: false })
  t.match(await decodeText(page('windows-1251'), 'koi8-r', true), { uncertain: false })
  t.notMatch((await decodeText(page('windows-1251'), 'koi8-r', true)).text, 'Привет', 'a known label goes first')
  t.match(await decodeText(page('windows-1251'), undefined), { uncertain: true }, 'not in plain text')
  t.match(await decodeText(page('no-such'), undefined, true), { uncertain: true })
})

t.test(
  '[G1] charset › declared as UTF-8 or ASCII but neither › read as windows-1252, with a problem noted',
  async t => {
    for (const label of ['utf-8', 'us-ascii', 'ascii', undefined, 'x-unknown'])
      t.same(await decodeText(latin1('Gr\u00fc\u00dfe'), label), { text: 'Grüße', uncertain: true }, String(label))
  }
)

t.test('[G1] charset › one broken byte › the rest stays readable', async t => {
  const broken = Buffer.concat([utf8('日本語のメール'), Buffer.from([0xe6, 0x97])])
  for (const label of ['utf-8', 'us-ascii', undefined, 'big5']) {
    const { text, uncertain } = await decodeText(broken, String(label))
    t.match(text, /^日本語のメール/, String(label))
    t.equal(uncertain, true)
  }
  t.same(await decodeText(utf8('What \ufffd was'), 'utf-8'), { text: 'What \ufffd was', uncertain: true })
})

t.test('[G1] charset › byte-order marks and NUL are removed', async t => {
  t.same(await decodeText(utf8('\ufeffa\0b'), 'utf-8'), { text: 'ab', uncertain: false })
  t.same(await decodeText(Buffer.alloc(0), 'utf-8'), { text: '', uncertain: false })
})

t.test('[G1][G4] charset › a body decoded in many pieces › the same text as in one', async t => {
  for (const [charset, bytes, text] of written) {
    // A byte-order mark occurs only at the beginning.
    if (charset === 'utf-16') continue
    const isWide = charset.startsWith('utf-16')
    const end = Buffer.from('\n', isWide ? 'utf16le' : 'latin1')
    const line = Buffer.concat([bytes, charset === 'utf-16be' ? end.swap16() : end])
    const times = Math.ceil(300_000 / line.length)
    const inLines = await decodeText(Buffer.concat(Array(times).fill(line)), charset)
    t.ok(inLines.text === `${text}\n`.repeat(times), `${charset}, in lines`)
    t.notOk(inLines.uncertain, charset)
    // A seven-bit encoding goes back to ASCII at a line's end, and nowhere else for certain.
    if (/2022|hz/i.test(charset)) continue
    const inOne = await decodeText(Buffer.concat(Array(times).fill(bytes)), charset)
    t.ok(inOne.text === text.repeat(times), `${charset}, in one line`)
  }
})

t.test('[G4] charset › the slowest encodings and undecodable bytes › do not block the event loop', async t => {
  const lines = Buffer.alloc(1024 * 1024, '~{VPND~}\n')
  const noise = Buffer.alloc(1024 * 1024, Buffer.from(Array.from({ length: 9973 }, (_, at) => (at * at) % 256)))
  for (const [bytes, label] of [
    [lines, 'hz-gb-2312'],
    [noise, 'big5']
  ] as const) {
    let turns = 0
    let isGoing = true
    const count = () => {
      turns++
      if (isGoing) setImmediate(count)
    }
    setImmediate(count)
    await decodeText(bytes, label)
    isGoing = false
    t.ok(turns >= 7, `${label}: ${turns} turns`)
  }
})
