import t from 'tap'
import { hasCode } from '../../../src/errors.ts'
import { createJsonCutter } from '../../../src/services/gmail/json-cutter.ts'

function cut(text: string, size = 65_536): string {
  const cutter = createJsonCutter()
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) cutter.write(bytes.subarray(at, at + size))
  return cutter.end()
}

const small = {
  id: 'm1',
  list: [1, 'two', [true, null], { a: [] }],
  escapes: 'quote " slash \\ é \u0007 \\u0041 \\\\ end\\',
  payload: {
    headers: [
      { name: 'A"', value: '\\' },
      { name: 'B', value: '' }
    ],
    parts: [
      {
        partId: '0',
        parts: [
          { partId: '0.0', body: { data: 'QUJD' } },
          { partId: '0.1', parts: [] }
        ]
      },
      {}
    ]
  }
}

t.test('json cutter › JSON within the limits › unchanged, in pieces of any size', async t => {
  for (const text of [JSON.stringify(small), JSON.stringify(small, null, 2), '{}', '[]', '"x"', '12', '']) {
    for (let size = 1; size < 40; size++) {
      const kept = cut(text, size)
      if (text === '') t.equal(kept, '')
      else t.same(JSON.parse(kept), JSON.parse(text))
    }
  }
})

t.test('json cutter › text that is no JSON › does not become JSON', async t => {
  for (const text of ['<html>', '{"a":', '{"a":1}}', '{"a" 1}', '{"parts":[{"a":1}{"b":2}', '{"a":"b'])
    t.throws(() => JSON.parse(cut(text)), text)
})

t.test('[G4] json cutter › long strings are cut, never in the middle of an escape', async t => {
  for (const unit of ['x', '"', '\\', '\u0001', 'é', '🗝', 'a"\\\u0001']) {
    for (const size of [65_536, 1000, 7]) {
      const text = JSON.stringify({ snippet: unit.repeat(150_000), after: 1 })
      const kept = JSON.parse(cut(text, size)) as { snippet: string; after: number }
      t.equal(kept.after, 1)
      t.ok(Buffer.byteLength(kept.snippet) <= 128 * 1024 + 3)
      t.ok(kept.snippet.length > 10_000)
    }
  }
})

t.test('[G4] json cutter › all bodies of a mail share one limit', async t => {
  const data = 'A'.repeat(4 * 1024 * 1024)
  const parts = [1, 2, 3].map(id => ({ body: { data, size: id } }))
  const kept = JSON.parse(cut(JSON.stringify({ parts }))) as { parts: { body: { data: string; size: number } }[] }
  t.same(
    kept.parts.map(({ body }) => body.data.length),
    [4 * 1024 * 1024, 3 * 1024 * 1024, 0]
  )
  t.same(
    kept.parts.map(({ body }) => body.size),
    [1, 2, 3]
  )
})

t.test('[G4] json cutter › too many parts, too deep ones and too many headers are left out', async t => {
  const many = {
    parts: Array.from({ length: 100_000 }, (_, at) => ({ partId: `${at}`, parts: [{ body: {} }] })),
    end: 1
  }
  const kept = JSON.parse(cut(JSON.stringify(many))) as { parts: unknown[]; end: number }
  t.equal(kept.end, 1)
  t.ok(kept.parts.length <= 1001 && kept.parts.length >= 500)

  const depth = 10_000
  const deep = `${'{"parts":['.repeat(depth)}{"x":1}${']}'.repeat(depth)}`
  t.equal(cut(deep).split('{').length - 1, 22)
  t.ok(JSON.parse(cut(deep, 3)))

  const headers = Array.from({ length: 100_000 }, () => ({ name: 'A', value: 'b' }))
  t.equal((JSON.parse(cut(JSON.stringify({ headers }))) as typeof many & { headers: [] }).headers.length, 60_000)

  const thread = { messages: [1, 2].map(() => ({ parts: Array.from({ length: 1500 }, () => ({ a: 1 })) })) }
  const { messages } = JSON.parse(cut(JSON.stringify(thread))) as typeof thread
  t.same(
    messages.map(({ parts }) => parts.length),
    [1001, 1001],
    'each mail has its own allowance'
  )
})

t.test('[G4] json cutter › JSON too large in ways that no mail can be › refused', async t => {
  for (const text of ['['.repeat(2000), `[${'1,'.repeat(9_000_000)}1]`, `{"a":${'['.repeat(1001)}`]) {
    try {
      cut(text)
      t.fail(text.slice(0, 5))
    } catch (error) {
      t.ok(hasCode(error, 'google_invalid_response'))
    }
  }
})

t.test('[G4] json cutter › no piece takes long', async t => {
  const texts = {
    escapes: JSON.stringify({ snippet: '\u0001'.repeat(1_000_000) }),
    quotes: JSON.stringify({ a: Array.from({ length: 500_000 }, () => 'a') }),
    nested: `${'{"parts":['.repeat(50_000)}${']}'.repeat(50_000)}`
  }
  for (const [name, text] of Object.entries(texts)) {
    const cutter = createJsonCutter()
    const bytes = Buffer.from(text)
    let longest = 0
    for (let at = 0; at < bytes.length; at += 65_536) {
      // Only this thread's processor time counts: other processes may run meanwhile.
      const before = process.threadCpuUsage()
      cutter.write(bytes.subarray(at, at + 65_536))
      const { user, system } = process.threadCpuUsage(before)
      longest = Math.max(longest, (user + system) / 1000)
    }
    t.comment(name, longest)
    t.ok(longest < 200, name)
  }
})
