import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { bundle, weigh } from '../build.ts'
import { declareViews } from '../declare-views.ts'

t.test('browser client › under 4 kB minified and gzipped, one module without imports', async t => {
  const code = await bundle('client', true)
  t.ok(weigh(code) < 4000, `${weigh(code)} bytes`)
  t.notMatch(code, /\bimport\s*[{*('"]|require\(|eval\(/)
  const served = readFileSync(join(import.meta.dirname, '../../../web/client.js'), 'utf8')
  t.equal(served, code, 'web/client.js is as its sources have it: npm run client')
})

t.test('backend client › uses only fetch and WebCrypto', async t => {
  const code = await bundle('backend', false)
  t.notMatch(code, /node:|\bprocess\b|\bBuffer\b|require\(|\bimport /)
})

t.test('declarations › contain every view', async t => {
  const text = declareViews()
  t.equal(readFileSync(join(import.meta.dirname, '../src/views.ts'), 'utf8'), text, 'src/views.ts: npm run client')
  t.match(text, /export interface Connection \{\n {2}id: string\n/)
  t.match(text, /email: string \| null/)
  t.match(text, /status: 'active' \| 'partial' \| 'needs_reconnect'/)
  t.notMatch(text, /: unknown|undefined|\bimport /)
})
