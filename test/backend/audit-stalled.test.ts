import { spawnSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createAudit } from '../../src/backend/audit.ts'
import { hasCode } from '../../src/errors.ts'
import { build, isProblem } from '../helper.ts'
import { startServer } from '../process.ts'
import { createBackend } from './backend.ts'

/** A named pipe, as log shippers offer them. */
function makePipe(t: Test): string {
  const pipe = join(t.testdir(), 'audit.pipe')
  const { status } = spawnSync('mkfifo', [pipe])
  if (status !== 0) throw new Error('mkfifo failed')
  return pipe
}

/** Opens its other end; what it holds is read only when asked for. */
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

t.test('[F50] audit › a pipe that nobody reads › refused at once, and taken when somebody does', async t => {
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
  '[F50] audit › a pipe whose reader stalls › holds back 1 MiB, refuses the rest, loses no line of a vend',
  async t => {
    const pipe = makePipe(t)
    const read = reader(t, pipe)
    const audit = createAudit(pipe)
    const taken: string[] = []
    let refused = 0
    for (let n = 0; refused < 10; n++) {
      try {
        audit(entry(`request-${n}`))
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
        audit(entry('after the stall'))
      } catch {
        // Still full: more is read first.
      }
    }
    const lines = text.split('\n').slice(0, -1)
    const seen = lines.flatMap(line => JSON.parse(line).requestId as string).filter(id => id !== 'after the stall')
    t.same(seen, taken)
  }
)

t.test('[F50] log › standard output whose reader stalls › vends are refused, the rest goes on', async t => {
  const { environment, app, signedIn } = await build(t, { environment: { RATE_LIMIT_KEY: '0', AUDIT_FILE: '' } })
  const { id } = await (await signedIn()).connected()
  const { key } = await createBackend(app)
  const server = await startServer(t, environment)
  const headers = { authorization: `Bearer ${key}` }
  const vend = () => fetch(`${server.url}/v1/connections/${id}/token`, { method: 'POST', headers })
  t.equal((await vend()).status, 200)

  server.process.stdout?.pause()
  let vended = 0
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
  t.equal((await fetch(`${server.url}/v1/connections/${id}`, { headers })).status, 200)

  server.process.stdout?.resume()
  let again = await vend()
  for (let tries = 0; again.status !== 200 && tries < 2000; tries++) again = await vend()
  t.equal(again.status, 200, 'and when it is read again, vends go on')
  const lines = server.logs.map(line => JSON.parse(line))
  t.ok(lines.filter(({ audit }) => audit).length > 0, 'every line is whole')
})
