import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Browser, BrowserContext } from 'playwright-core'
import t, { type Test } from 'tap'
import { hasChromium, launchChromium } from './browser/chromium.ts'

const ada = 'ada.lindqvist@example.com'

/** Runs the demo as its user does: a process of its own, on a free port. */
function runDemo(env: Record<string, string>) {
  const { NODE_ENV: _, GOOGLE_CLIENT_ID: __, GOOGLE_CLIENT_SECRET: ___, ...inherited } = process.env
  const child = spawn(process.execPath, ['demo/demo.ts'], {
    cwd: `${import.meta.dirname}/..`,
    env: { ...inherited, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  const ready = new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
        const url = /Open\s+(http:\/\/localhost:\d+)\n[\s\S]*\/stream\n/.exec(output)?.[1]
        if (url) resolve(url)
      })
    exited.then(code => reject(new Error(`The demo ended with ${code}:\n${output}`)))
  })
  ready.catch(() => {}) // a caller that waits for it gets the error; a test of a refusal does not wait
  return { child, ready, exited, output: () => output }
}

t.test('demo › NODE_ENV=production › refuses to start and says why', async t => {
  const demo = runDemo({ NODE_ENV: 'production' })
  t.equal(await demo.exited, 1)
  t.match(demo.output(), /demo.*production/is)
  t.notMatch(demo.output(), /localhost:\d/)
})

const needsChromium = 'demo › in a browser › needs Chromium: apt-get install chromium (or set CHROMIUM_PATH)'
if (hasChromium) t.test('demo › in a browser', { timeout: 110_000 }, inBrowser)
else if (process.env.CI) t.fail(needsChromium)
else t.skip(needsChromium, inBrowser)

async function inBrowser(t: Test) {
  const demo = runDemo({})
  t.teardown(async () => {
    demo.child.kill('SIGKILL')
    await demo.exited
  })
  const browser = await launchChromium(t)
  const url = await demo.ready

  await t.test('the demo says clearly that it is one', async t => {
    t.match(demo.output(), /not for production/i)
  })

  await t.test('the printed key › opens the backend routes', async t => {
    const key = /KEY=(\S+)/.exec(demo.output())?.[1]
    const answer = await fetch(`${url}/v1/connections`, { headers: { authorization: `Bearer ${key}` } })
    t.equal(answer.status, 200)
    t.match(await answer.json(), { connections: [] })
  })

  await t.test('a person › signs in, connects and disconnects', async t => {
    const { page, complaints } = await openPage(t, browser, url)
    await page.getByRole('link', { name: 'Sign in with Google' }).click()
    await page.getByRole('button', { name: ada }).click()
    await page.getByRole('link', { name: 'Connect Gmail account' }).click()
    await page.getByRole('button', { name: ada }).click()
    await page.getByRole('status').getByText(`${ada} is connected.`).waitFor()
    await page.getByRole('link', { name: /^Disconnect/ }).click()
    await page.getByRole('button', { name: 'Disconnect' }).click()
    await page.getByRole('status').getByText('Google has withdrawn the permission').waitFor()
    t.same(complaints, [], 'no error, no violation of the content security policy')
  })

  await t.test('playing Google › a box unticked, a mail delivered, the quota filled, the grant revoked', async t => {
    const { page, complaints } = await openPage(t, browser, url)
    await page.getByRole('link', { name: 'Sign in with Google' }).click()
    await page.getByRole('button', { name: ada }).click()
    await page.getByRole('link', { name: 'Connect Gmail account' }).click()
    await page.getByRole('checkbox', { name: /Read, write, send/ }).uncheck()
    await page.getByRole('button', { name: ada }).click()
    const ticket = page.getByRole('article', { name: `Gmail, ${ada}` })
    await ticket.getByText('Partial').waitFor()

    const google = await page.context().newPage()
    await google.goto(/play Google: (\S+)/.exec(demo.output())?.[1] ?? '')
    const pull = async (lever: string, done: string) => {
      await google.locator('form', { hasText: ada }).getByRole('button', { name: lever }).click()
      await google.getByRole('status').getByText(done).waitFor()
    }
    await pull('Deliver a new mail', 'The train is late')
    await ticket.getByText('Show latest mail').click()
    await ticket.getByText('The train is late').waitFor()
    await pull('Take the permission back', 'withdrawn')
    await google.getByText('Nothing is granted').first().waitFor()
    await pull('Let access tokens expire', 'have to be refreshed')
    await page.reload()
    await ticket.getByText('Show latest mail').click()
    await page
      .getByRole('article', { name: `Gmail, ${ada}` })
      .getByText('Needs reconnect')
      .waitFor()
    await pull('Fill the quota', 'for the next minute')
    const foreign = await fetch(google.url(), { method: 'POST', body: new URLSearchParams({ lever: 'revoke' }) })
    t.equal(foreign.status, 403, "no other site's page presses them")
    await ticket.getByRole('link', { name: /^Disconnect/ }).click()
    await page.getByRole('button', { name: 'Disconnect' }).click()
    await page.getByText('Nothing is connected yet').waitFor()
    t.same(
      complaints.filter(complaint => !/status of 409/.test(complaint)),
      []
    )
  })

  await t.test('SIGTERM › the demo shuts down by itself', async t => {
    demo.child.kill('SIGTERM')
    t.equal(await demo.exited, 0)
  })
}

/** A page in a browser of its own, and what its console complains of. */
async function openPage(t: Test, browser: Browser, url: string, viewport = { width: 1000, height: 760 }) {
  const context: BrowserContext = await browser.newContext({ viewport })
  const complaints: string[] = []
  context.on('weberror', error => complaints.push(String(error.error())))
  context.on('console', message => {
    const { url: source } = message.location()
    // Chromium reports every 4xx answer: a 401 of a signed-out browser is expected.
    const isSignedOut = /status of 401/.test(message.text()) && source.endsWith('/auth/session')
    if (message.type() === 'error' && !isSignedOut) complaints.push(`${message.text()} (${source})`)
  })
  await context.addInitScript(
    `addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective, e.blockedURI))`
  )
  t.teardown(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  await page.goto(url)
  return { page, complaints }
}
