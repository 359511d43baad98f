import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import t, { type Test } from 'tap'

const chromiumPath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'
const ada = 'ada.lindqvist@example.com'
const noor = 'noor.haddad@example.org'

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
        const url = /Open\s+(http:\/\/localhost:\d+)\n[\s\S]*\/token\n/.exec(output)?.[1]
        if (url) resolve(url)
      })
    exited.then(code => reject(new Error(`The demo ended with ${code}:\n${output}`)))
  })
  ready.catch(() => {}) // whoever waits for it is told; a test of a refusal does not wait
  return { child, ready, exited, output: () => output }
}

t.test('demo › NODE_ENV=production › refuses to start and says why', async t => {
  const demo = runDemo({ NODE_ENV: 'production' })
  t.equal(await demo.exited, 1)
  t.match(demo.output(), /demo.*production/is)
  t.notMatch(demo.output(), /localhost:\d/)
})

const needsChromium = 'demo › in a browser › needs Chromium: apt-get install chromium (or set CHROMIUM_PATH)'
if (existsSync(chromiumPath)) t.test('demo › in a browser', { timeout: 110_000 }, inBrowser)
else if (process.env.CI) t.fail(needsChromium)
else t.skip(needsChromium, inBrowser)

async function inBrowser(t: Test) {
  const demo = runDemo({})
  t.teardown(async () => {
    demo.child.kill('SIGKILL')
    await demo.exited
  })
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
      '--no-first-run'
    ]
  })
  t.teardown(() => browser.close())
  const url = await demo.ready

  await t.test('the demo says loudly what it is', async t => {
    t.match(demo.output(), /not for production/i)
  })

  await t.test('the key it prints › opens the backend side', async t => {
    const key = /KEY=(\S+)/.exec(demo.output())?.[1]
    const answer = await fetch(`${url}/v1/connections`, { headers: { authorization: `Bearer ${key}` } })
    t.equal(answer.status, 200)
    t.match(await answer.json(), { connections: [] })
  })

  await t.test('mouse › sign in, connect, read subjects, disconnect, sign out', async t => {
    const { page, complaints } = await openPage(t, browser, url)
    await signIn(page, ada)
    await page.getByText('Nothing is connected yet').waitFor()

    await connectGmail(page, ada)
    const ticket = page.getByRole('article', { name: `Gmail, ${ada}` })
    await ticket.getByText('Active').waitFor()
    await page.getByRole('status').getByText(`${ada} is connected.`).waitFor()
    t.equal(page.url(), `${url}/`, 'the outcome has left the address bar')

    await ticket.getByText('Show latest mail').click()
    await ticket.getByText('Minutes of Thursday and two open questions').waitFor()
    t.ok((await ticket.getByRole('listitem').count()) >= 5)
    t.equal(await ticket.getByText('Your parcel').count(), 0, "no other person's mail")

    await ticket.getByRole('button', { name: `Disconnect Gmail, ${ada}` }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    t.equal(await ticket.count(), 1, 'cancelling keeps the connection')

    await ticket.getByRole('button', { name: /^Disconnect/ }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click()
    await page.getByRole('status').getByText('Google has withdrawn the permission').waitFor()
    await page.getByText('Nothing is connected yet').waitFor()

    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
    await page.reload()
    await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
    t.same(complaints, [], 'no error, no violation of the content security policy')
  })

  await t.test('keyboard alone › connect and disconnect', async t => {
    const { page, complaints } = await openPage(t, browser, url)
    await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
    await tabTo(page, 'Sign in with Google')
    await page.keyboard.press('Enter')
    await chooseByKeyboard(page, noor)

    await page.getByText('Nothing is connected yet').waitFor()
    await tabTo(page, 'Connect Gmail account')
    await page.keyboard.press('Enter')
    await chooseByKeyboard(page, noor)

    const ticket = page.getByRole('article', { name: `Gmail, ${noor}` })
    await ticket.waitFor()
    await tabTo(page, `Show latest mail of ${noor}`)
    await page.keyboard.press('Enter')
    await ticket.getByText('Your parcel').waitFor()

    await tabTo(page, `Disconnect Gmail, ${noor}`)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'Disconnect Gmail?' }).waitFor()
    t.equal(await focused(page), 'Cancel', 'the harmless answer has the focus')
    await page.keyboard.press('Escape')
    t.equal(await focused(page), `Disconnect Gmail, ${noor}`, 'Escape leads back to where it was opened')

    await page.keyboard.press('Enter')
    await tabTo(page, 'Disconnect')
    await page.keyboard.press('Enter')
    await page.getByRole('status').getByText('is disconnected').waitFor()
    t.equal(await focused(page), 'Your connections', 'the focus stays near what was removed')
    t.same(complaints, [])
  })

  await t.test('320 px wide › no view scrolls sideways', async t => {
    const { page, complaints } = await openPage(t, browser, `${url}/?status=flow_expired`, { width: 320, height: 640 })
    await page.getByRole('alert').getByText('longer than allowed').waitFor()
    t.equal(page.url(), `${url}/`, 'a message is said once')
    t.equal(await sideways(page), 0, 'signed out, with a message')

    await signIn(page, ada)
    await connectGmail(page, ada)
    await connectGmail(page, noor)
    t.equal(await sideways(page), 0, 'connected')
    const ticket = page.getByRole('article', { name: `Gmail, ${ada}` })
    await ticket.getByText('Show latest mail').click()
    await ticket.getByText('Minutes of Thursday').waitFor()
    t.equal(await sideways(page), 0, 'with mail')
    await ticket.getByRole('button', { name: /^Disconnect/ }).click()
    t.equal(await sideways(page), 0, 'with the dialog')
    await page.keyboard.press('Escape')

    await page.getByRole('button', { name: 'Delete account' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete account' }).click()
    await page.getByRole('status').getByText('are deleted').waitFor()
    await page.getByRole('link', { name: 'Sign in with Google' }).waitFor()
    t.same(complaints, [])
  })

  await t.test(
    'playing Google › a box unticked, a mail delivered, the quota filled, the permission taken back',
    async t => {
      const { page, complaints } = await openPage(t, browser, url)
      await signIn(page, ada)
      await page.getByRole('link', { name: 'Connect Gmail account' }).click()
      await page.getByRole('checkbox', { name: /Read, write, send/ }).uncheck()
      t.equal(await sideways(page), 0)
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
      await ticket.getByRole('button', { name: /^Disconnect/ }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click()
      await page.getByText('Nothing is connected yet').waitFor()
      t.same(
        complaints.filter(complaint => !/status of 409/.test(complaint)),
        []
      )
    }
  )

  await t.test('states that the fake Google does not bring about › are said in words', async t => {
    const { page, complaints } = await openPage(t, browser, url)
    await signIn(page, ada)
    await connectGmail(page, ada)
    const { connections } = await page.evaluate<{ connections: object[] }>(`fetch('/connections').then(r => r.json())`)
    const show = async (change: object) => {
      await page.route('**/connections', route =>
        route.fulfill({ json: { connections: connections.map(connection => ({ ...connection, ...change })) } })
      )
      await page.reload()
      return page.getByRole('article', { name: `Gmail, ${ada}` })
    }
    const modify = 'https://www.googleapis.com/auth/gmail.modify'
    const connectUrl = `${url}/connect/gmail?connectionId=repaired`

    const dead = await show({ status: 'needs_reconnect', reason: 'reauth_required', grantedScopes: [], connectUrl })
    await dead.getByText('Needs reconnect').waitFor()
    await dead.getByText('sign in to Google again from time to time').waitFor()
    t.equal(await dead.getByRole('link', { name: /^Reconnect/ }).getAttribute('href'), connectUrl)
    t.equal(await dead.getByText('Show latest mail').count(), 0)

    const partial = await show({ status: 'partial', missingScopes: [modify], connectUrl })
    await partial.getByText('Apps may read your mail.').waitFor()
    await partial.getByText('Apps may not label, archive and bin messages').waitFor()
    await partial.getByText('Show latest mail').waitFor()

    const expiring = await show({ refreshTokenExpiresAt: new Date(Date.now() + 20 * 3_600_000).toISOString() })
    await expiring.getByText('Google ends this permission in about 20 hours').waitFor()
    await expiring.getByRole('link', { name: /^Reconnect/ }).waitFor()
    t.same(complaints, [])
  })

  await t.test('a mail that was deleted since the list was made › is left out, the others are shown', async t => {
    const { page } = await openPage(t, browser, url)
    await signIn(page, noor)
    await connectGmail(page, noor)
    const ticket = page.getByRole('article', { name: `Gmail, ${noor}` })
    await page.route('**/gmail/messages?*', async route => {
      const response = await route.fetch()
      const { items, nextPageToken } = (await response.json()) as { items: { id: string }[]; nextPageToken: null }
      const gone = { id: items[0]?.id, error: { code: 'not_found' } }
      return route.fulfill({ response, json: { items: [gone, ...items.slice(1)], nextPageToken } })
    })
    await ticket.getByText('Show latest mail').click()
    await ticket.getByText('fetched just now').waitFor()
    t.ok((await ticket.getByRole('listitem').count()) >= 1)
    t.equal(await page.getByRole('alert').textContent(), '', 'nobody is told that the connection is gone')
  })

  await t.test('a database that is away › the page says so and loads when it is back', async t => {
    const { page } = await openPage(t, browser, url)
    await signIn(page, ada)
    const problem = { code: 'database_unavailable', requestId: 'request-7', retryAfterSeconds: 9 }
    await page.route('**/connections', route =>
      route.fulfill({ status: 503, contentType: 'application/problem+json', json: problem })
    )
    await page.reload()
    const alert = page.getByRole('alert')
    await alert.getByText('cannot reach its database').waitFor()
    await alert.getByText('in 9 seconds').waitFor()
    await alert.getByText('Reference request-7').waitFor()
    await page.unroute('**/connections')
    await alert.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('heading', { name: 'Your connections' }).waitFor()
    t.equal(await alert.textContent(), '')
  })

  await t.test('without JavaScript › the page says what it needs', async t => {
    const context = await browser.newContext({ javaScriptEnabled: false })
    t.teardown(() => context.close())
    const page = await context.newPage()
    await page.goto(url)
    // Only where it is in force are its children elements; Playwright's search by text passes it over.
    t.match(await page.locator('noscript p').textContent(), 'This page needs JavaScript')
  })

  await t.test('SIGTERM › the demo ends by itself', async t => {
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
    // Chromium reports every answer of 4xx: that a signed-out browser is not signed in is no complaint.
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

async function signIn(page: Page, email: string) {
  await page.getByRole('link', { name: 'Sign in with Google' }).click()
  await page.getByRole('button', { name: email }).click()
  await page.getByText('Signed in as').last().waitFor()
}

async function connectGmail(page: Page, email: string) {
  await page.getByRole('link', { name: /^Connect (another )?Gmail account$/ }).click()
  await page.getByRole('button', { name: email }).click()
  await page.getByRole('status').getByText(`${email} is connected.`).waitFor()
}

async function chooseByKeyboard(page: Page, email: string) {
  await page.getByRole('button', { name: email }).waitFor()
  await tabTo(page, email, (text, name) => text.includes(name))
  await page.keyboard.press('Enter')
}

/** Expressions are given as text: this side of the test has no DOM, and no types of it. */
const focused = (page: Page) => page.evaluate<string>('document.activeElement.textContent.trim()')
const sideways = (page: Page) => page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')

/** Goes to what is called `name` as a keyboard does; the bound is far above the page's focusable elements. */
async function tabTo(page: Page, name: string, matches = (text: string, wanted: string) => text === wanted) {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab')
    if (matches(await focused(page), name)) return
  }
  throw new Error(`The keyboard does not reach "${name}"`)
}
