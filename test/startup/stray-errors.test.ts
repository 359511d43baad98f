import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { startFakeGoogle } from '@guichet/fake-google'
import t, { type Test } from 'tap'
import { startDatabase, testEnvironment } from '../helper.ts'

const root = join(import.meta.dirname, '../..')

/** A process, and all that it has printed so far. */
function run(t: Test, args: string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, args, { cwd: root, env })
  t.teardown(() => child.kill('SIGKILL'))
  let printed = ''
  let origin: (url: string) => void
  const listening = new Promise<string>(resolve => {
    origin = resolve
  })
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      printed += chunk
      const [, url] = /listening at (http:\/\/127\.0\.0\.1:\d+)/.exec(printed) ?? []
      if (url) origin(url)
    })
  }
  return { child, listening, printed: () => printed, ended: once(child, 'close').then(([code]) => code) }
}

for (const [thrown, how] of [
  ["throw Object.assign(new Error('the-secret'), { code: 'E_CODE' })", 'E_CODE'],
  ["Promise.reject(Object.assign(new RangeError('the-secret'), { details: 'the-secret' }))", 'RangeError'],
  ["Promise.reject('the-secret')", 'unknown error'],
  ["throw { code: 'the-secret is in the code' }", 'unknown error'],
  ['throw undefined', 'unknown error']
] as const) {
  t.test(`[R63] stray errors › ${thrown} › only its code or kind is printed`, async t => {
    const script = (after: string) =>
      `import { catchStrayErrors } from './src/startup/stray-errors.ts'
      const caught = catchStrayErrors(text => process.stderr.write(text))
      ${after}
      setTimeout(() => { ${thrown} }, 1)
      setTimeout(() => process.stdout.write(' and goes on'), 100)`
    const starting = run(t, ['--input-type=module', '-e', script('')])
    t.equal(await starting.ended, 1)
    t.equal(starting.printed(), `Ended by an error that nothing caught: ${how}`)

    const serving = run(t, ['--input-type=module', '-e', script("caught.goOn(() => process.stdout.write('logged'))")])
    t.equal(await serving.ended, 0)
    t.equal(serving.printed(), 'logged and goes on')
  })
}

t.test('[R63] stray errors › an error of the OAuth library, at the start or later › never printed', async t => {
  const google = await startFakeGoogle()
  t.teardown(() => google.close())
  const environment = testEnvironment(await startDatabase(t), google, { PORT: '0', LOG_LEVEL: 'trace' })
  // A host that URLs may have, and that the library refuses with an error that holds the client's secret.
  const mutate = (json: Record<string, unknown>) => ({ ...json, token_endpoint: 'https://a{b.example/token' })

  google.fault('discovery', { mutate }, Number.POSITIVE_INFINITY)
  const first = run(t, ['src/server.ts'], environment)
  t.equal(await first.ended, 1)
  t.match(first.printed(), 'google_misconfigured')
  t.same(google.ledger.find(first.printed()), [])

  google.clearFaults()
  google.fault('discovery', { status: 503 }, 2)
  google.fault('discovery', { mutate }, Number.POSITIVE_INFINITY)
  const later = run(t, ['src/server.ts'], environment)
  const url = await later.listening
  const codes = []
  for (let request = 0; request < 6; request++) {
    const { code } = (await (await fetch(`${url}/auth/google`)).json()) as { code: string }
    codes.push(code)
  }
  t.same(codes.slice(-3), Array(3).fill('google_misconfigured'))
  t.equal((await fetch(`${url}/livez`)).status, 200, 'no request ends the process')
  t.match(later.printed(), 'OauthLibraryRefusal')
  t.notMatch(later.printed(), /stray_error|ValidationError/)
  t.same(google.ledger.find(later.printed()), [])
})
