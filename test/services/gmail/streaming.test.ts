import { once } from 'node:events'
import { createServer, get as httpGet, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import { createApiClient } from '../../../src/google/api-client.ts'
import { base64Stream } from '../../../src/services/gmail/base64-stream.ts'
import { build } from '../../helper.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const MB = 1024 * 1024

/** The memory held, after garbage collection. */
function heldBytes(): number {
  // Twice: a buffer is freed a little after the object that held it.
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function listening(t: Test) {
  // Measuring memory takes time, which must not run into Google's time-out.
  const world = await build(t, { environment: { GOOGLE_TIMEOUT_MS: '15000' } })
  const ada = await world.signedIn()
  const { id } = await ada.connected()
  const { gmail } = world.google.user('ada@example.com')
  const mail = gmail.receive({
    from: 'a@b.c',
    subject: 's',
    body: 'text',
    attachments: [{ filename: 'large.bin', content: { bytes: 25 * MB } }]
  })
  await world.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = world.app.server.address() as AddressInfo
  const cookie = [...ada.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const open = async (path: string): Promise<IncomingMessage> => {
    const request = httpGet({
      port,
      host: '127.0.0.1',
      path,
      agent: false,
      headers: { cookie, host: 'localhost:3000' }
    })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    return response
  }
  return { ...world, open, base: `/connections/${id}/gmail/messages/${mail.id}` }
}

for (const [what, path, least] of [
  ['an attachment of 25 MB', '/attachments/1', 25 * MB],
  ['a raw mail of 34 MB', '/raw', 34 * MB]
] as const) {
  t.test(`[G6] streaming › ${what} › only a few MB in memory, during and at the end`, async t => {
    const { open, base, google } = await listening(t)
    await (await open(`${base}${path}`)).take(1).toArray()
    const before = heldBytes()
    const response = await open(`${base}${path}`)
    let received = 0
    let most = 0
    let nextLook = MB
    for await (const chunk of response) {
      received += (chunk as Buffer).length
      if (received < nextLook) continue
      nextLook += 12 * MB
      most = Math.max(most, heldBytes() - before)
      await new Promise(resolve => setImmediate(resolve))
    }
    t.ok(received >= least, `${received} bytes`)
    t.comment(`held at most ${(most / MB).toFixed(1)} MB more`)
    t.ok(most < 10 * MB)
    t.same(google.violations, [])
  })
}

t.test('[G6] streaming › the reader goes away › Google’s answer is aborted', async t => {
  const gone = Promise.withResolvers<void>()
  let sent = 0
  const google = createServer((_request, response) => {
    response.once('close', () => gone.resolve())
    response.write('{"data":"')
    const more = () => {
      while (!response.destroyed && response.write('QUJD'.repeat(16_384))) sent += 65_536
    }
    response.on('drain', more)
    more()
  })
  google.listen(0, '127.0.0.1')
  await once(google, 'listening')
  t.teardown(() => google.close())
  const { data } = await createApiClient({ timeoutMs: 15_000, maxBytes: 1e9 }).request({
    url: `http://127.0.0.1:${(google.address() as AddressInfo).port}/`,
    headers: new Headers(),
    responseType: 'stream'
  })
  const bytes = base64Stream(data as AsyncIterable<Uint8Array>, 'data')
  t.match(Buffer.from((await bytes.next()).value ?? []).toString(), /^(ABC)+$/)
  await bytes.return(undefined)
  await gone.promise
  t.ok(sent < 20 * MB, `${sent} bytes were sent`)
})

t.test('[G6] streaming › the reader stops › little is held, and the connection ends when it goes away', async t => {
  const { open, base, app } = await listening(t)
  const before = heldBytes()
  const response = await open(`${base}/attachments/1`)
  response.pause()
  // Nothing reads: wait until buffers are full.
  for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setTimeout(resolve, 2))
  t.ok(heldBytes() - before < 10 * MB, 'what stands still is small')
  const url = '/livez'
  t.equal((await app.inject(url)).statusCode, 200)
  response.destroy()
  for (let turn = 0; turn < 500 && (await openSockets(app.server as Server)) > 0; turn++) {
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  t.equal(await openSockets(app.server as Server), 0)
})

function openSockets(server: Server): Promise<number> {
  return new Promise(resolve => server.getConnections((_error, count) => resolve(count)))
}
