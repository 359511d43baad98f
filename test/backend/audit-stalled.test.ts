import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createAudit } from '../../src/backend/audit.ts'
import { hasCode } from '../../src/errors.ts'
import { build, isProblem } from '../helper.ts'
import { residentBytes, startServer } from '../process.ts'
import { createBackend } from './backend.ts'

/** A named pipe, as log shippers offer them. */
function makePipe(t: Test): string {
  const pipe = join(t.testdir(), 'audit.pipe')
  const { status } = spawnSync('mkfifo', [pipe])
  if (status !== 0) throw new Error('mkfifo failed')
  return pipe
}

/** Opens its other end; reads only when asked. */
function reader(t: Test, pipe: string) {
  const fd = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
  t.teardown(() => closeSync(fd))
  const buffer = Buffer.alloc(1 << 16)
  return () => {
    let text = ''
    try {
      for (let read = 1; read > 0; ) {
        read = readSync(fd, buffer)
        text += buffer.toString('latin1', 0, read)
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
    return text
  }
}

const entry = (requestId: string) => ({
  time: '2026-11-22T00:00:00.000Z',
  key: '0123456789abcdef',
  user: 'a user',
  connection: 'a connection',
  outcome: 'vended',
  requestId
})

t.test('[F50] audit › a pipe that nobody reads › vends are refused at once, and work when somebody reads', async t => {
  const pipe = makePipe(t)
  const { app, signedIn } = await build(t, { environment: { AUDIT_FILE: pipe } })
  const { id } = await (await signedIn()).connected()
  const { vend, fetch } = await createBackend(app)
  isProblem(t, await vend(id), 503, 'audit_unavailable')
  t.equal((await fetch(`/v1/connections/${id}`)).statusCode, 200)
  const read = reader(t, pipe)
  t.equal((await vend(id)).statusCode, 200)
  t.match(read(), /"outcome":"vended"/)
})

t.test(
  '[F50] audit › a pipe’s reader stalls › up to 1 MiB waits, further vends are refused, no vend’s line is lost',
  async t => {
    const pipe = makePipe(t)
    const read = reader(t, pipe)
    const audit = createAudit(pipe)
    const taken: string[] = []
    let refused = 0
    for (let n = 0; refused < 10; n++) {
      try {
        await audit(entry(`request-${n}`))
        taken.push(`request-${n}`)
      } catch (error) {
        t.ok(hasCode(error, 'audit_unavailable'))
        refused += 1
      }
      if (n > 100_000) throw new Error('it takes lines without end')
    }
    const bytes = taken.length * (JSON.stringify({ audit: 'vend', ...entry('request-1000') }).length + 1)
    t.ok(bytes > 1024 * 1024 && bytes < 1.3 * 1024 * 1024, `${bytes} bytes were taken`)

    let text = ''
    while (!text.includes('"after the stall"')) {
      text += read()
      try {
        await audit(entry('after the stall'))
      } catch {
        // Still full: more is read first.
      }
    }
    const lines = text.split('\n').slice(0, -1)
    const seen = lines.flatMap(line => JSON.parse(line).requestId as string).filter(id => id !== 'after the stall')
    t.same(seen, taken)
  }
)

t.test(
  '[F50] log › the reader of standard output stalls › vends are refused, the rest works, no vend’s line is lost',
  async t => {
    const { environment, app, signedIn } = await build(t, { environment: { RATE_LIMIT_KEY: '0', AUDIT_FILE: '' } })
    const { id } = await (await signedIn()).connected()
    const { key } = await createBackend(app)
    const server = await startServer(t, environment)
    const headers = { authorization: `Bearer ${key}` }
    const vend = () => fetch(`${server.url}/v1/connections/${id}/token`, { method: 'POST', headers })
    t.equal((await vend()).status, 200)

    server.process.stdout?.pause()
    const readBefore = server.logs.length
    let vended = 1
    let refusal: Response | undefined
    while (!refusal) {
      const answers = await Promise.all(Array.from({ length: 50 }, vend))
      vended += answers.filter(({ status }) => status === 200).length
      refusal = answers.find(({ status }) => status !== 200)
      if (vended > 20_000) throw new Error('it vends without end')
    }
    t.equal(refusal.status, 503)
    t.match(await refusal.json(), { code: 'audit_unavailable' })
    t.match(refusal.headers.get('retry-after'), /^\d+$/)
    t.equal((await fetch(`${server.url}/readyz`)).status, 200)

    // Each of these logs a line while the log is blocked.
    const others = [
      [200, `/v1/connections/${id}`],
      [200, '/livez'],
      [401, '/connections'],
      [404, '/nowhere']
    ] as const
    const rssBefore = residentBytes(server.pid)
    const answered = new Map<string, number>()
    for (let round = 0; round < 25; round++) {
      const asked = Array.from({ length: 40 }, async (_, n) => {
        const [expected, path] = others[n % others.length] ?? [0, '']
        const { status } = await fetch(server.url + path, { headers })
        const what = `${path}: ${status === expected ? 'as ever' : status}`
        answered.set(what, (answered.get(what) ?? 0) + 1)
      })
      await Promise.all(asked)
    }
    t.same(Object.fromEntries(answered), Object.fromEntries(others.map(([, path]) => [`${path}: as ever`, 250])))
    const grown = residentBytes(server.pid) - rssBefore
    t.ok(grown < 128 * 1024 ** 2, `resident memory grew by ${grown} bytes`)

    server.process.stdout?.resume()
    let again = await vend()
    for (let tries = 0; again.status !== 200 && tries < 2000; tries++) again = await vend()
    t.equal(again.status, 200, 'and when it is read again, vends go on')
    vended += 1
    // Lines keep their order: what this leaves behind has every other line before it.
    const nobodys = '0'.repeat(24)
    const last = await fetch(`${server.url}/v1/connections/${nobodys}/token`, { method: 'POST', headers })
    t.equal(last.status, 404)
    const isRead = () => server.logs.some(line => line.includes(nobodys) && line.includes('not_found'))
    while (!isRead()) await new Promise(resolve => setImmediate(resolve))
    const lines = server.logs.map(line => JSON.parse(line))
    const trail = lines.filter(({ audit, outcome }) => audit === 'vend' && outcome === 'vended')
    t.equal(trail.length, vended, 'a line for each token that went out, and none for one that did not')
    t.equal(new Set(trail.map(({ requestId }) => requestId)).size, vended)
    // What the process held back is 1 MiB; the rest is what two ends of a pipe hold.
    const held = server.logs.slice(readBefore).join('\n').length
    t.ok(held > 1024 ** 2 && held < 1.5 * 1024 ** 2, `${held} bytes came after the stall`)
  }
)

/** A host app that writes nothing to standard output itself; it closes when it is told to. */
const hostApp = `
import Fastify from 'fastify'
import { guichet, parseConfig } from '${new URL('../../src/index.ts', import.meta.url)}'
const app = Fastify()
await app.register(guichet, { ...parseConfig(process.env), prefix: '/accounts' })
process.send(await app.listen({ port: 0, host: '127.0.0.1' }))
process.once('message', async () => {
  await app.close()
  process.exit(0)
})
`

t.test(
  '[F50] audit › the reader of a host app’s standard output stalls › vends are refused, the rest works, closing loses no line',
  async t => {
    const { environment, app, signedIn } = await build(t, { environment: { RATE_LIMIT_KEY: '0', AUDIT_FILE: '' } })
    const { id } = await (await signedIn()).connected()
    const { key } = await createBackend(app)
    const pipe = makePipe(t)
    const read = reader(t, pipe)
    // Blocking, as a shell and a container engine make it.
    const output = openSync(pipe, constants.O_WRONLY)
    const host = spawn(process.execPath, ['--input-type=module', '-e', hostApp], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', output, 'inherit', 'ipc']
    })
    closeSync(output)
    t.teardown(() => host.kill('SIGKILL'))
    const exited = once(host, 'exit')
    const [url] = (await once(host, 'message')) as [string]
    const headers = { authorization: `Bearer ${key}` }
    const signal = AbortSignal.timeout(20_000)
    const vend = async () =>
      (await fetch(`${url}/accounts/v1/connections/${id}/token`, { method: 'POST', headers, signal })).status

    let vended = 0
    for (let refused = 0; refused === 0 && vended < 20_000; ) {
      const statuses = await Promise.all(Array.from({ length: 50 }, vend))
      refused = statuses.filter(status => status === 503).length
      vended += statuses.filter(status => status === 200).length
    }
    t.equal((await fetch(`${url}/accounts/livez`, { signal })).status, 200)

    host.send('close')
    let text = ''
    while (host.exitCode === null) {
      text += read()
      await new Promise(resolve => setImmediate(resolve))
    }
    await exited
    text += read()
    const trail = text.split('\n').filter(line => line.includes('"vended"'))
    t.equal(trail.length, vended, 'a line for each token that went out')
  }
)

t.test('[F50] audit › nobody reads a standard output that blocks › the process goes on', async t => {
  const pipe = makePipe(t)
  const read = reader(t, pipe)
  const output = openSync(pipe, constants.O_WRONLY)
  const code = `
import { standardOutput } from '${new URL('../../src/observability/line-sink.ts', import.meta.url)}'
let refused = false
for (let n = 0; n < 10_000; n++) void standardOutput.commit('x'.repeat(200) + '\\n').catch(() => (refused = true))
setImmediate(() => process.exit(refused ? 0 : 1))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', output, 'inherit'] })
  closeSync(output)
  t.teardown(() => child.kill('SIGKILL'))
  const [status] = await once(child, 'exit', { signal: AbortSignal.timeout(10_000) })
  t.equal(status, 0)
  t.match(read(), /^x{200}\n/)
})
