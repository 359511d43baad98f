import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { createBackend as createKeyHolder } from '../../../test/backend/backend.ts'
import { build } from '../../../test/helper.ts'
import { bundle } from '../build.ts'

// Bun and Deno are heavy: their paths come from .ci/runtimes, and only Node runs without them.
const runtimes = [process.execPath, ...(process.env.RUNTIMES?.split(',') ?? [])]
const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`

t.test('backend client › works against guichet on every runtime', async t => {
  const { app, google, signedIn } = await build(t)
  const { id } = await (await signedIn()).connected()
  const { key } = await createKeyHolder(app)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const folder = mkdtempSync(join(tmpdir(), 'guichet-client-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const module = join(folder, 'backend.mjs')
  writeFileSync(module, await bundle('backend', false))
  const at = new Date()
  const body = '{"id":"evt_1"}'
  const headers = {
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign('evt_1', at, body)
  }
  const environment = {
    PATH: process.env.PATH,
    HOME: folder,
    BACKEND: module,
    GUICHET_URL: url,
    KEY: key,
    CONNECTION: id,
    SECRET: secret,
    DELIVERY: JSON.stringify({ headers, body })
  }
  for (const runtime of runtimes) {
    const name = basename(runtime)
    const before = google.calls('token')
    const script = join(import.meta.dirname, 'runtime.js')
    const args = name === 'deno' ? ['run', '--allow-all', script] : [script]
    const { stdout } = await promisify(execFile)(runtime, args, { env: environment })
    const said = JSON.parse(stdout)
    t.match(said.one, google.canary, `${name}: a token of Google's`)
    t.equal(said.one, said.two)
    t.equal(google.calls('token'), before, `${name}: a living token costs Google nothing`)
    t.same(said.listed, [id], name)
    t.match(said.events[0], ['connection.connected', '1'], name)
    t.match(said.link, /\/start\?ticket=/, name)
    t.equal(said.missing, 'GuichetError not_found', name)
    t.equal(said.delivered, 'evt_1', name)
  }
})
