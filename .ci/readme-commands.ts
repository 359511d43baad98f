import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { findFreePort } from '@guichet/fake-google/free-port'
import { Webhook } from 'standardwebhooks'
import t, { type Test } from 'tap'
import { parseConfig } from '../src/config/config.ts'
import { launchChromium } from '../test/browser/chromium.ts'
import { connectGmail, followTicket, followTicketByHand, path, startSurroundings } from './world.ts'

/*
 * Every block of code in the README and in the pages under docs/, as its reader would run it: in a checkout of its own,
 * against a fake Google, and on free ports. A block that no rule here knows fails.
 */
const root = resolve(import.meta.dirname, '..')
t.setTimeout(300_000)

const pages = ['README.md', ...readdirSync(join(root, 'docs')).map(name => `docs/${name}`), 'CONTRIBUTING.md']
const blocks = pages
  .filter(page => page.endsWith('.md'))
  .flatMap(page =>
    [...readFileSync(join(root, page), 'utf8').matchAll(/^```(sh|js|html)\n(.*?)^```$/gms)].map(
      ([, language = '', text = '']) => ({ page, language, text })
    )
  )
/** Takes out the block of that page which has `part` in it. */
const take = (language: string, part: string, page = 'README.md'): string => {
  const index = blocks.findIndex(one => one.page === page && one.language === language && one.text.includes(part))
  const [block] = index < 0 ? [] : blocks.splice(index, 1)
  if (!block) throw new Error(`${page} has no ${language} block with ${part}`)
  return block.text
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

interface Running {
  cwd?: string
  more?: NodeJS.ProcessEnv
}

/** Runs until the test ends; resolves to what `ready` found in its output. */
async function start(
  t: Test,
  script: string,
  ready: RegExp,
  { cwd = checkout, more }: Running = {}
): Promise<string[]> {
  // A group of its own: npm starts a shell that starts node.
  const child = spawn('sh', ['-c', script], { cwd, env: { ...env, ...more }, stdio: 'pipe', detached: true })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    if (child.pid && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
    await exited
  })
  let output = ''
  const seen = new Promise<string[]>(resolve => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', text => {
        output += text
        const found = ready.exec(output)
        if (found) resolve([...found])
      })
    }
  })
  const found = await Promise.race([seen, exited.then(() => undefined)])
  if (!found) throw new Error(`${script}\nended with ${child.exitCode}:\n${output}`)
  return found
}

t.test('README › the two commands', async t => {
  const [demo, suite, ...more] = take('sh', 'npm run demo')
    .split('\n')
    .map(line => line.replace(/\s*#.*$/, ''))
    .filter(Boolean)
  t.same([demo, suite, more], ['npm ci && npm run demo', 'npm ci && npm test', []], 'installing and testing are steps')
  const port = await findFreePort()
  await start(t, 'npm run demo', /Open +http/, { more: { PORT: String(port) } })
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
  for (const part of [id, '"access_token":', '"items":', '"labelIds":["SENT"', '"revoked":"confirmed"'])
    t.ok(used.includes(part), part)

  const KEY = /^KEY=(.+)$/m.exec(used)?.[1]
  const [invite = '', list = ''] = take('sh', '/v1/tickets').split(/^(?=curl .*externalId=)/m)
  const { url } = JSON.parse(await shell(invite, { KEY })) as { url: string }
  await followTicket(google, url)
  t.match(JSON.parse(await shell(list, { KEY })), { connections: [{ externalId: 'user-42', status: 'active' }] })
  await shell(take('sh', 'vault rotate'))
  t.same(google.violations, [])
})

t.test('README › in a Fastify app', async t => {
  const { google, publicUrl, environment } = await startSurroundings(t)
  const mounted = `${publicUrl}/accounts`
  for (const name of ['auth/google', 'connect/gmail']) google.redirectUris.add(`${mounted}/${name}/callback`)
  writeFileSync(join(checkout, 'app.mjs'), `${take('js', 'app.register')}\nconsole.log('up')`)
  // The secrets are those of the test before, which also built dist/.
  await start(t, 'node --env-file=.env app.mjs', /up/, { more: { ...environment, PUBLIC_URL: mounted } })
  const { id } = await connectGmail(google, mounted)
  t.match(id, /^[0-9a-f]{24}$/)
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
  t.match(config.mongodbUri, /^mongodb:\/\/guichet:[0-9a-f]{48}@mongodb\/guichet$/)
  t.match(config.google, { clientId: 'an id', clientSecret: 'a secret' })
})

t.test('quickstart.md › an app that connects Gmail, shows mail and answers it', async t => {
  const quickstart = 'docs/quickstart.md'
  const [port, appPort] = [await findFreePort(), await findFreePort()]
  const [install, demo = ''] = take('sh', 'npm run demo', quickstart).trim().split('\n')
  t.equal(install, 'npm ci', 'a step of its own')
  const here = demo.replaceAll('localhost:4000', `localhost:${appPort}`)
  const more = { PORT: String(port) }
  const ready = /Open +(\S+)[\s\S]*play Google: (\S+)[\s\S]*KEY=(\S+)[\s\S]*\/stream\n/
  const [, guichet = '', levers = '', key = ''] = await start(t, here, ready, { more })

  const folder = join(checkout, 'my-app')
  mkdirSync(folder)
  writeFileSync(join(folder, 'app.mjs'), take('js', 'createServer', quickstart))
  const page = take('html', 'client.js', quickstart)
  writeFileSync(join(folder, 'index.html'), page)
  const command = take('sh', 'node app.mjs', quickstart).replace('GUICHET_KEY=…', `GUICHET_KEY=${key}`)
  const own = { PORT: String(appPort), GUICHET_URL: guichet }
  await start(t, command, /your app: http/, { cwd: folder, more: own })

  const app = `http://localhost:${appPort}`
  const script = /<script type="module">(.*)<\/script>/s.exec(page)?.[1] ?? ''
  const check = spawnSync(process.execPath, ['--input-type=module', '--check'], { input: script, encoding: 'utf8' })
  t.equal(check.status, 0, check.stderr)
  t.match(await (await fetch(app)).text(), `${guichet}/client.js`)

  const link = await fetch(`${app}/connect`, { redirect: 'manual' })
  const { headers, location } = await followTicketByHand(link.headers.get('location') ?? '')
  t.ok(location.startsWith(`${app}/?status=connected`), location)
  // As the page's client asks, from its own origin.
  const asked = await fetch(`${guichet}/connections`, {
    headers: { ...headers, origin: app, 'sec-fetch-site': 'same-site' }
  })
  t.equal(asked.headers.get('access-control-allow-origin'), app)
  t.match(await asked.json(), { connections: [{ status: 'active', externalId: 'user-42' }] })
  const answer = async () => (await fetch(`${app}/answer`, { method: 'POST' })).text()
  const first = await answer()
  t.match(first, /^sent as \S+$/)
  t.equal(await answer(), first, 'twice is once')

  // And as its reader sees it.
  const browser = await launchChromium(t)
  const tab = await browser.newPage()
  tab.setDefaultTimeout(20_000)
  await tab.goto(app)
  await tab.getByText('Connect your Gmail first.').waitFor()
  await tab.getByRole('link', { name: 'Connect Gmail' }).click()
  await tab.getByRole('button', { name: 'Continue to Google' }).click()
  await tab.getByRole('button', { name: 'ada.lindqvist' }).click()
  await tab.getByText('Connected: ada.lindqvist').waitFor()
  await tab.locator('li').first().waitFor()
  const google = await browser.newPage()
  await google.goto(levers)
  await google.getByRole('button', { name: 'Take the permission back' }).first().click()
  await google.waitForLoadState()
  await tab.reload()
  await tab.getByText('Please connect again.').waitFor()
})

t.test('webhooks.md › a receiver takes what is signed and nothing else', async t => {
  const webhooks = 'docs/webhooks.md'
  const secret = (await sh(take('sh', 'whsec_', webhooks))).trim()
  t.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
  const port = await findFreePort()
  writeFileSync(join(checkout, 'receiver.mjs'), `${take('js', 'listen', webhooks)}\nconsole.log('up')`)
  const more = { PORT: String(port), WEBHOOK_SECRET: secret }
  await start(t, 'node receiver.mjs', /up/, { more })
  const body = JSON.stringify({ id: 'evt_1', type: 'connection.connected', data: {} })
  const signed = {
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
    'webhook-signature': new Webhook(secret).sign('evt_1', new Date(), body)
  }
  const deliver = async (body: string) =>
    (await fetch(`http://localhost:${port}`, { method: 'POST', headers: signed, body })).status
  t.equal(await deliver(body), 204)
  t.equal(await deliver(`${body} `), 400)
})

t.test('all pages › the rest', async t => {
  // Each line of it is a step of its own in .ci/run.
  t.match(take('sh', 'npm run lint', 'CONTRIBUTING.md'), /^npm test\b/m)
  for (const script of [take('js', 'createGuichet'), take('js', 'guichet.events', 'docs/webhooks.md')]) {
    const check = spawnSync(process.execPath, ['--input-type=module', '--check'], { input: script, encoding: 'utf8' })
    t.equal(check.status, 0, check.stderr)
  }
  t.same(blocks, [], 'no block is left unchecked')
})
