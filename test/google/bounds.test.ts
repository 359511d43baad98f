import type { Endpoint } from '@guichet/fake-google/http'
import t, { type Test } from 'tap'
import { build, isProblem } from '../helper.ts'
import { injectAt, residentBytes, startServer } from '../process.ts'
import { startTrap } from './trap.ts'

const timeoutMs = 500

/** A call to Google, and the answer to the request behind it while Google's answer cannot be used. */
interface Call {
  endpoint: Endpoint
  isRefused(t: Test): Promise<void>
}

t.test(
  '[R73][F17] discovery, keys, revocation › endless, huge or redirected answers › cut off and refused',
  async t => {
    const trap = await startTrap(t)
    const { google, browser, signedIn, environment } = await build(t, {
      environment: { GOOGLE_TIMEOUT_MS: String(timeoutMs) }
    })
    const ada = await signedIn()
    // Without a usable answer guichet asks again for each request: one process meets all faults.
    const away = google.fault('discovery', { status: 500 }, Number.POSITIVE_INFINITY)
    const server = await startServer(t, environment)
    await server.loaded
    away.remove()
    const at = injectAt(server.url)

    const calls: Call[] = [
      {
        endpoint: 'discovery',
        isRefused: async t => isProblem(t, await browser(at).fetch('/auth/google'), 503, 'google_unavailable')
      },
      {
        endpoint: 'jwks',
        isRefused: async t => isProblem(t, await browser(at).signIn(), 503, 'google_unavailable')
      },
      {
        endpoint: 'revoke',
        async isRefused(t) {
          const { id } = await ada.connected()
          const response = await ada.clone(at).fetch(`/connections/${id}`, 'DELETE')
          t.same(response.json(), { id, revoked: 'pending' })
        }
      }
    ]
    const gzipped = Array.from({ length: 1000 }, () => 'gzip').join(', ')
    const faults = {
      'a byte a second': { drip: 1000 },
      'no answer': { hang: true },
      'a body without end': { endless: true },
      '100 MB of JSON': { huge: 100_000_000 },
      'the true answer and a megabyte': { mutate: (json: object) => ({ ...json, padding: 'x'.repeat(1_000_000) }) },
      'a gzip bomb': { gzipBomb: 100_000_000 },
      'a thousand times gzip': { addHeaders: { 'content-encoding': gzipped } },
      'a redirect, 302': { redirectTo: trap.url },
      'a redirect, 307': { redirectTo: trap.url, redirectStatus: 307 },
      'a redirect, 308': { redirectTo: trap.url, redirectStatus: 308 }
    } as const

    const before = residentBytes(server.pid)
    for (const { endpoint, isRefused } of calls) {
      for (const [name, fault] of Object.entries(faults)) {
        const met = google.fault(endpoint, fault, Number.POSITIVE_INFINITY)
        const startedAt = performance.now()
        await t.test(`${endpoint}: ${name}`, isRefused)
        // What is not bounded itself is answered all the same, but not before the handler's own 25 s are over.
        const ms = performance.now() - startedAt
        t.ok(ms < timeoutMs + 5000, `${endpoint}: ${name}: after ${Math.round(ms)} ms`)
        t.ok(met.hits > 0, `${endpoint}: ${name}`)
        google.clearFaults()
      }
    }
    const grownMb = (residentBytes(server.pid) - before) / 2 ** 20
    t.ok(grownMb < 50, `grown by ${Math.round(grownMb)} MB`)
    t.equal(trap.connections, 0)
    t.equal((await browser(at).signIn()).statusCode, 200, 'and the next good answers are taken')
  }
)
