import { execFile, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startEmbeddedMongo } from '@guichet/embedded-mongo'
import { startFakeGoogle } from '@guichet/fake-google'
import t from 'tap'
import { testEnvironment } from '../helper.ts'

const root = join(import.meta.dirname, '../..')

t.test(
  '[R63] secrets › appear in no command line and in no output of a process',
  { skip: process.platform !== 'linux' && 'command lines are read from /proc' },
  async t => {
    const google = await startFakeGoogle()
    t.teardown(() => google.close())
    const mongo = await startEmbeddedMongo()
    t.teardown(() => mongo.close())
    const token = 'the-token-of-the-metrics-route'
    const environment = {
      ...testEnvironment(mongo.uri, google, { METRICS_TOKEN: token, PORT: '0', LOG_LEVEL: 'trace' })
    }
    for (const secret of [environment.SESSION_SECRETS, environment.VAULT_KEYS?.split(':')[1], token])
      google.ledger.plant(secret ?? '')

    const server = spawn(process.execPath, ['src/server.ts'], { cwd: root, env: environment })
    t.teardown(() => server.kill('SIGKILL'))
    let printed = ''
    const port = await new Promise<string>(resolve => {
      for (const stream of [server.stdout, server.stderr]) {
        stream.on('data', chunk => {
          printed += chunk
          const [, found] = /listening at http:\/\/127\.0\.0\.1:(\d+)/.exec(printed) ?? []
          if (found) resolve(found)
        })
      }
    })
    const metrics = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { authorization: `Bearer ${token}` } })
    t.equal(metrics.status, 200)
    const refused = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { authorization: `Bearer ${token}x` } })
    t.not(refused.status, 200)
    const commandLine = await readFile(`/proc/${server.pid}/cmdline`, 'utf8')
    t.match(commandLine, 'src/server.ts')
    t.same(google.ledger.find([commandLine, await metrics.text(), await refused.text(), printed].join('\n')), [])

    // A crash on the way up: the port is taken.
    const crashed = await promisify(execFile)(process.execPath, ['src/server.ts'], {
      cwd: root,
      env: { ...environment, PORT: port }
    }).catch((error: { code: number; stdout: string; stderr: string }) => error)
    t.match(crashed, { code: 1, stderr: /EADDRINUSE/ })
    t.same(google.ledger.find(`${crashed.stdout}${crashed.stderr}`), [])
  }
)

t.test('[R63] secrets › are in no file of the repository', async t => {
  const { stdout } = await promisify(execFile)('git', ['ls-files', '-z'], { cwd: root }).catch(() => ({ stdout: '' }))
  if (!stdout) {
    t.comment('not a checkout')
    return
  }
  const looks =
    /GOCSPX-[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_-]{20,}|1\/\/0[A-Za-z0-9_-]{30,}|-----BEGIN (?:RSA |EC )?PRIVATE KEY-----|AIza[0-9A-Za-z_-]{35}|gk_[0-9a-f]{16}_[A-Za-z0-9_-]{43}/
  const found: string[] = []
  for (const path of stdout.split('\0').filter(path => path !== '' && !/\.(png|ico|woff2?)$/.test(path))) {
    const text = await readFile(join(root, path), 'utf8').catch(() => '')
    if (looks.test(text)) found.push(path)
  }
  t.same(found, [])
})
