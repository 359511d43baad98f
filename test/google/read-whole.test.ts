import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { getGlobalDispatcher } from 'undici'
import { get } from '../../src/google/read-whole.ts'

/** Asks a server that answers so. */
async function ask(t: Test, answer: RequestListener, signal = new AbortController().signal) {
  const server = createServer(answer)
  const connected = once(server, 'connection') as Promise<[Socket]>
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.teardown(() => server.closeAllConnections())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return { connected, asked: get(getGlobalDispatcher(), url, { headers: {}, signal }) }
}

async function readAll(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const large = Buffer.alloc(1_000_000, 'abc')

t.test('reading whole › a small answer › is given at once, however many pieces it came in', async t => {
  const { asked } = await ask(t, async (_request, response) => {
    for (const piece of ['{"a"', ':', '1}']) {
      response.write(piece)
      await new Promise(resolve => setImmediate(resolve))
    }
    response.end()
  })
  t.equal(String(await (await asked).whole()), '{"a":1}')
})

t.test('reading whole › a small answer that is compressed › is decompressed', async t => {
  const { asked } = await ask(t, (_request, response) => {
    response.setHeader('content-encoding', 'gzip').end(gzipSync('{"a":1}'))
  })
  t.equal(String(await (await asked).whole()), '{"a":1}')
})

t.test('reading whole › little that would become much, and what is no gzip › is left to its reader', async t => {
  for (const bytes of [gzipSync(large), Buffer.from('{"a":1}')]) {
    const { asked } = await ask(t, (_request, response) => response.setHeader('content-encoding', 'gzip').end(bytes))
    const { whole, body } = await asked
    t.equal(await whole(), undefined)
    t.same(await readAll(body), bytes)
  }
})

t.test('reading whole › a large answer › is left to its reader, and waits for it', async t => {
  const { asked } = await ask(t, (_request, response) => response.end(large))
  const { whole, body } = await asked
  t.equal(await whole(), undefined)
  t.same(await readAll(body), large)
})

t.test('reading whole › an answer that is cut short › fails where it is read', async t => {
  const { asked } = await ask(t, (_request, response) => {
    response.setHeader('content-length', 10).write('half', () => response.destroy())
  })
  const { whole, body } = await asked
  t.equal(await whole(), undefined)
  await t.rejects(readAll(body))
})

t.test('reading whole › its reader goes before the end › the connection is closed', async t => {
  const { asked, connected } = await ask(t, (_request, response) => void response.write(large))
  const { body } = await asked
  const [socket] = await connected
  const closed = new Promise(resolve => socket.on('error', () => {}).once('close', resolve))
  for await (const _chunk of body) break
  await closed
})

t.test('reading whole › aborted before and in the middle of the answer › ends with the signal’s reason', async t => {
  for (const begins of [false, true]) {
    const abort = new AbortController()
    const { asked, connected } = await ask(
      t,
      (_request, response) => void (begins && response.write('{')),
      abort.signal
    )
    const reason = new Error('enough')
    const [socket] = await connected
    const closed = new Promise(resolve => socket.on('error', () => {}).once('close', resolve))
    const ended = asked.then(({ body }) => readAll(body))
    if (begins) await asked
    abort.abort(reason)
    await t.rejects(ended, reason)
    await closed
  }
})
