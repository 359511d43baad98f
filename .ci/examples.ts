import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { extname, join, resolve } from 'node:path'
import { findFreePort } from '@guichet/fake-google/free-port'
import type { Browser, Page } from 'playwright-core'
import { Webhook } from 'standardwebhooks'
import t, { type Test } from 'tap'
import { launchChromium } from '../test/browser/chromium.ts'

/* Each example as its reader runs it: installed in a folder of its own, against the demo. */
const root = resolve(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'guichet-examples-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
t.setTimeout(300_000)

const ada = 'ada.lindqvist@example.com'
const subject = 'Minutes of Thursday and two open questions'
const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`

execFileSync('npm', ['run', '-s', 'client', '--', '--package'], { cwd: root })

/** Copies an example and installs what it names, with the client from here. */
function install(name: string): string {
  const to = join(folder, name)
  cpSync(join(root, 'examples', name), to, { recursive: true })
  const file = join(to, 'package.json')
  writeFileSync(file, readFileSync(file, 'utf8').replace('file:../..', `file:${root}`))
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent'], { cwd: to, stdio: 'inherit' })
  return to
}

/** Runs a program until its output has what `ready` looks for. */
async function run(t: Test, args: string[], cwd: string, env: Record<string, string>, ready: RegExp) {
  const { NODE_ENV: _, ...inherited } = process.env
  const child = spawn(process.execPath, args, { cwd, env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  return new Promise<RegExpExecArray>((found, fail) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
        const match = ready.exec(output)
        if (match) found(match)
      })
    child.on('exit', code => fail(new Error(`${args.join(' ')} ended with ${code}:\n${output}`)))
  })
}

/** Serves files of a folder, or one text. */
async function serve(t: Test, port: number, read: (path: string) => string | Buffer): Promise<void> {
  const types: Record<string, string> = { '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html' }
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://x').pathname.replace(/\/$/, '/index.html')
    try {
      const content = read(path)
      response.setHeader('content-type', types[extname(path)] ?? 'application/octet-stream').end(content)
    } catch {
      response.writeHead(404).end()
    }
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
}

async function choose(page: Page): Promise<void> {
  await page.getByRole('button', { name: ada }).click()
}

t.test('examples', async t => {
  const [htmlPort, reactPort] = [await findFreePort(), await findFreePort()]
  const frontends = [htmlPort, reactPort].map(port => `http://localhost:${port}`)
  const ready = /Open\s+(http:\/\/localhost:\d+)\n[\s\S]*KEY=(\S+)[\s\S]*\/token\n/
  const env = { PORT: '0', ALLOWED_ORIGINS: frontends.join(',') }
  const [, guichet = '', key = ''] = await run(t, ['demo/demo.ts'], root, env, ready)
  const browser = await launchChromium(t)

  await t.test('html › connects in the whole page, shows mail, disconnects', async t => {
    const source = readFileSync(join(root, 'examples/html/index.html'), 'utf8')
    await serve(t, htmlPort, () => source.replaceAll('http://localhost:3000', guichet))
    const page = await open(t, browser, `http://localhost:${htmlPort}/`)
    await page.getByText('You are not signed in').waitFor()
    await page.getByRole('link', { name: 'Connect Gmail' }).click()
    await choose(page)
    await choose(page)
    await page.getByText(subject).waitFor()
    await page.getByRole('button', { name: 'Disconnect' }).click()
    await page.getByText('Nothing is connected').waitFor()
  })

  await t.test('react › connects in a popup, shows mail, disconnects', async t => {
    const at = install('react')
    execFileSync('npm', ['run', 'build'], { cwd: at, env: { ...process.env, VITE_GUICHET_URL: guichet } })
    await serve(t, reactPort, path => readFileSync(join(at, 'dist', path)))
    const page = await open(t, browser, `http://localhost:${reactPort}/`)
    const opened = page.waitForEvent('popup')
    await page.getByRole('button', { name: 'Connect Gmail' }).click()
    const popup = await opened
    await choose(popup)
    await choose(popup)
    await page.getByText(subject).waitFor()
    await page.getByRole('button', { name: 'Disconnect' }).click()
    await page.getByText(subject).waitFor({ state: 'detached' })
  })

  for (const name of ['fastify', 'express'])
    await t.test(`${name} › a ticket for its user, the user's mail, a webhook that is signed`, async t => {
      const at = install(name)
      const port = await findFreePort()
      const own = { GUICHET_URL: guichet, GUICHET_KEY: key, WEBHOOK_SECRET: secret, PORT: String(port) }
      await run(t, ['server.js'], at, own, /listening at/i)
      const url = `http://localhost:${port}`
      const headers = { 'x-user': `user-of-${name}` }
      t.match(await (await fetch(`${url}/mail`, { headers })).json(), { subjects: [], connect: '/connect' })
      const link = await fetch(`${url}/connect`, { headers, redirect: 'manual' })
      t.equal(link.status, 303)
      const page = await open(t, browser, String(link.headers.get('location')))
      await page.getByRole('button', { name: 'Continue to Google' }).click()
      await choose(page)
      await page.getByText(`${ada} is connected.`).waitFor()
      t.match(await (await fetch(`${url}/mail`, { headers })).json(), { subjects: [subject] })

      const body = JSON.stringify({ id: 'evt_1', type: 'connection.connected', createdAt: new Date(), data: {} })
      const signed = {
        'content-type': 'application/json',
        'webhook-id': 'evt_1',
        'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
        'webhook-signature': new Webhook(secret).sign('evt_1', new Date(), body)
      }
      const deliver = (body: string) => fetch(`${url}/hooks/guichet`, { method: 'POST', headers: signed, body })
      t.equal((await deliver(body)).status, 204)
      t.equal((await deliver(`${body} `)).status, 400, 'and a changed one is refused')
    })
})

async function open(t: Test, browser: Browser, url: string): Promise<Page> {
  const context = await browser.newContext({ locale: 'en-GB' })
  t.teardown(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  await page.goto(url)
  return page
}
