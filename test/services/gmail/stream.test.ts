import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createApiClient } from '../../../src/google/api-client.ts'
import { build } from '../../helper.ts'

const timeoutMs = 7_321

/** The timers of about `timeoutMs`, and what each would call. */
function watchTimers(t: Test): Map<NodeJS.Timeout, () => void> {
  const armed = new Map<NodeJS.Timeout, () => void>()
  const { setTimeout: set, clearTimeout: clear } = globalThis
  t.intercept(globalThis, 'setTimeout', {
    value: (act: () => void, ms: number) => {
      const timer = set(act, ms)
      if (ms <= timeoutMs && ms > timeoutMs - 1_000) armed.set(timer, act)
      return timer
    }
  })
  t.intercept(globalThis, 'clearTimeout', {
    value: (timer: NodeJS.Timeout) => {
      armed.delete(timer)
      clear(timer)
    }
  })
  return armed
}

t.test('[R73] stream › a slow reader › Google’s time-out counts only the time spent waiting for Google', async t => {
  const released = Promise.withResolvers<void>()
  const server = createServer(async (_request, response) => {
    response.write('first')
    await released.promise
    response.end('last')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    released.resolve()
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const armed = watchTimers(t)
  const client = createApiClient({ timeoutMs, maxBytes: 100 })

  const waiting = client.request({ url, headers: new Headers(), responseType: 'stream' })
  t.equal(armed.size, 1, 'while the headers are on their way')
  const { data } = await waiting
  const reader = (data as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  t.equal(armed.size, 0, 'not before anyone reads')
  t.equal(Buffer.from((await reader.next()).value ?? []).toString(), 'first')
  t.equal(armed.size, 0, 'nor between two reads, however long')
  const next = reader.next().then(() => {})
  await new Promise(resolve => setImmediate(resolve))
  t.equal(armed.size, 1)
  for (const runOut of armed.values()) runOut()
  await t.rejects(next, 'and a Google that does not go on is cut off')
})

t.test('[R100] stream › an idle socket › is closed in the end', async t => {
  const { app } = await build(t)
  t.equal(app.server.timeout, 120_000)
})
