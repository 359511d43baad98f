import t from 'tap'
import { inPieces } from '../../src/http/json-replies.ts'

t.test('[G4] a large view › is written in pieces, exactly as JSON.stringify would', async t => {
  const long = `"\\\n\u2028${'🗝'.repeat(300_000)}\ud800é${'x'.repeat(262_141)}🗝`
  for (const [at, value] of [
    null,
    'short',
    long,
    { text: long, html: null, left: undefined, attachments: [], to: [{ name: '', address: 'a@b.c' }] },
    {
      id: 't',
      messages: [
        { text: 'a', html: long },
        { text: null, html: '' }
      ]
    },
    { id: 'd', message: { text: long, html: long } },
    [],
    [undefined, 1, 'a']
  ].entries()) {
    let pieces = 0
    let text = ''
    for await (const piece of inPieces(value)) {
      pieces++
      text += piece
    }
    t.ok(text === JSON.stringify(value), `value ${at}`)
    if (text.length > 500_000) t.ok(pieces > 2)
  }
})
