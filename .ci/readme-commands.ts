import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { parseConfig } from '../src/config/config.ts'
import { connectGmail, findFreePort, followTicket, path, startSurroundings } from './world.ts'

/*
 * Every command block of the README, in its order, as its reader would run it: in a checkout of its own, against a
 * fake Google, and on a free port in place of 3000. A block that no rule here knows fails.
 */
const root = resolve(import.meta.dirname, '..')
t.setTimeout(300_000)

const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^```(sh|js)\n(.*?)^```$/gms)]
const take = (language: string, part: string): string => {
  const index = blocks.findIndex(([, found, text]) => found === language && text?.includes(part))
  const [block] = index < 0 ? [] : blocks.splice(index, 1)
  if (!block?.[2]) throw new Error(`the README has no ${language} block with ${part}`)
  return block[2]
}
const { NODE_ENV: _, MONGODB_URI: __, ...inherited } = process.env
const env: NodeJS.ProcessEnv = { ...inherited, PATH: path }

const checkout = mkdtempSync(join(tmpdir(), 'guichet-readme-'))
t.teardown(() => rmSync(checkout, { recursive: true, force: true }))
for (const file of execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim().split('\n')) {
  if (existsSync(join(root, file))) cpSync(join(root, file), join(checkout, file))
}
symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'))

/** Not spawnSync: the database and Google that the commands talk to live in this process. */
async function sh(script: string, more: NodeJS.ProcessEnv = {}): Promise<string> {
  const child = spawn('sh', ['-eu', '-c', script], {
    cwd: checkout,
    env: { ...env, ...more },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  let complaints = ''
  child.stdout.on('data', text => {
    output += text
  })
  child.stderr.on('data', text => {
    complaints += text
  })
  const [status] = await once(child, 'close')
  if (status !== 0) throw new Error(`${script}\nended with ${status}:\n${output}\n${complaints}`)
  return output
}

/** Runs until the test ends; resolves when its output has what `ready` looks for. */
async function start(t: Test, script: string, ready: RegExp, more: NodeJS.ProcessEnv = {}): Promise<void> {
  // A group of its own: npm starts a shell that starts node.
  const child = spawn('sh', ['-c', script], { cwd: checkout, env: { ...env, ...more }, stdio: 'pipe', detached: true })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    if (child.pid && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
    await exited
  })
  let output = ''
  const seen = new Promise<boolean>(resolve => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', text => {
        output += text
        if (ready.test(output)) resolve(true)
      })
    }
  })
  const isReady = await Promise.race([seen, exited.then(() => false)])
  if (!isReady) throw new Error(`${script}\nended with ${child.exitCode}:\n${output}`)
}

t.test('README › the two commands', async t => {
  const [demo, suite, ...more] = take('sh', 'npm run demo')
    .split('\n')
    .map(line => line.replace(/\s*#.*$/, ''))
    .filter(Boolean)
  t.same([demo, suite, more], ['npm ci && npm run demo', 'npm ci && npm test', []], 'installing and testing are steps')
  const port = await findFreePort()
  await start(t, 'npm run demo', /Open +http/, { PORT: String(port) })
  t.equal((await fetch(`http://localhost:${port}/`)).status, 200)
})

t.test('README › from .env to a connection used by a backend', async t => {
  const { google, publicUrl, environment } = await startSurroundings(t)
  const lines = take('sh', '.env.example').trim().split('\n')
  const startLine = lines.pop() ?? ''
  const secrets = (await sh(lines.join('\n'))).split('\n').filter(line => /^(SESSION_SECRETS|VAULT_KEYS)=/.test(line))
  t.equal(secrets.length, 2, 'secrets are printed')
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  appendFileSync(join(checkout, '.env'), `\n${[...secrets, ...settings].join('\n')}\n`)
  await start(t, startLine, /listening/)
  t.equal((await fetch(`${publicUrl}/readyz`)).status, 200)

  const { id } = await connectGmail(google, publicUrl)
  const shell = (script: string, more: NodeJS.ProcessEnv = {}) =>
    sh(script.replaceAll('http://localhost:3000', publicUrl), more)
  const calls = [take('sh', 'KEY=$('), take('sh', '/token\n'), 'echo; echo "KEY=$KEY"'].join('\n')
  const used = await shell(calls, { ID: id })
  for (const part of [id, '"access_token":', '"resultSizeEstimate":', '"revoked":"confirmed"'])
    t.ok(used.includes(part), part)

  const KEY = /^KEY=(.+)$/m.exec(used)?.[1]
  const [invite = '', list = ''] = take('sh', '/v1/tickets').split(/^(?=curl .*externalId=)/m)
  const { url } = JSON.parse(await shell(invite, { KEY })) as { url: string }
  await followTicket(google, url)
  t.match(JSON.parse(await shell(list, { KEY })), { connections: [{ externalId: 'user-42', status: 'active' }] })
  await shell(take('sh', 'vault rotate'))
  t.same(google.violations, [])
})

t.test('README › the secrets that compose.yaml mounts', async t => {
  const credentials = { web: { client_id: 'an id', client_secret: 'a secret' } }
  writeFileSync(join(checkout, 'client_secret_1.json'), JSON.stringify(credentials))
  const lines = take('sh', 'docker compose').trim().split('\n')
  t.equal(lines.pop(), 'docker compose up --build', 'the only line that takes an engine')
  await sh(lines.join('\n'))
  const compose = readFileSync(join(checkout, 'compose.yaml'), 'utf8')
  const mounted = [...compose.matchAll(/^ {4}file: \.\/secrets\/(\w+)$/gm)].map(([, name]) => name)
  t.same(readdirSync(join(checkout, 'secrets')).sort(), mounted.sort())
  const files = [...compose.matchAll(/^ {6}(\w+_FILE): \/run\/secrets\/(\w+)$/gm)]
    .filter(([, name]) => !name?.startsWith('MONGO_INITDB'))
    .map(([, name, file]) => [name, join(checkout, 'secrets', file ?? '')])
  const config = parseConfig({ PUBLIC_URL: 'http://localhost:3000', ...Object.fromEntries(files) })
  t.match(config.mongodbUri, /^mongodb:\/\/guichet:[0-9a-f]{48}@mongodb\/guichet\?authSource=admin$/)
  t.match(config.google, { clientId: 'an id', clientSecret: 'a secret' })
})

t.test('README › the rest', async t => {
  const script = take('js', 'credentials')
  const check = spawnSync(process.execPath, ['--input-type=module', '--check'], { input: script, encoding: 'utf8' })
  t.equal(check.status, 0, check.stderr)
  t.same(
    blocks.map(([text]) => text),
    [],
    'no block is left unchecked'
  )
})
