import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { findFreePort } from '@guichet/fake-google/free-port'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import type { Test } from 'tap'
import { build, type Environment, type World } from '../helper.ts'
import { launchChromium } from './chromium.ts'

/** One Chromium, and guichet with its Google as browsers reach them; frontends of an allowed and of another origin. */
export interface Scene extends World {
  chromium: Browser
  /** PUBLIC_URL. */
  url: string
  /** A frontend whose origin stands in ALLOWED_ORIGINS, and one whose origin does not. */
  frontend: string
  outsider: string
  open(t: Test, url?: string, options?: BrowserContextOptions): Promise<Visit>
}

/** A page in a browser of its own, and what its console complains of. */
export interface Visit {
  page: Page
  context: BrowserContext
  complaints: string[]
}

const frontendPage = `<!doctype html><html lang="en"><title>An app</title><p id="out"></p>
<button id="connect">Connect</button><button id="page">Connect in this page</button>
<script type="module">
import { createGuichet } from 'GUICHET/client.js'
const guichet = (window.guichet = createGuichet())
const tell = text => (document.getElementById('out').textContent = text)
const show = promise => promise.then(value => tell(JSON.stringify(value)), error => tell('code ' + error.code))
window.show = show
document.getElementById('connect').onclick = () => show(guichet.connect('gmail', { popup: true }))
document.getElementById('page').onclick = () => show(guichet.connect('gmail'))
guichet.onChange(() => (window.changes = (window.changes ?? 0) + 1))
</script>`

export async function openScene(t: Test, environment: Environment = {}): Promise<Scene> {
  const port = await findFreePort()
  const url = `http://localhost:${port}`
  let outsider = ''
  const serve = async (): Promise<string> => {
    const server = createServer((request, response) => {
      // An app that redirects its users to another origin.
      if (request.url?.startsWith('/moved')) return response.writeHead(303, { location: `${outsider}/arrived` }).end()
      response.setHeader('content-type', 'text/html')
      response.end(frontendPage.replace('GUICHET', url))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    return `http://localhost:${(server.address() as AddressInfo).port}`
  }
  outsider = await serve()
  const frontend = await serve()
  const world = await build(t, { environment: { PUBLIC_URL: url, ALLOWED_ORIGINS: frontend, ...environment } })
  await world.app.listen({ host: '127.0.0.1', port })
  const browser = await launchChromium(t)

  async function open(t: Test, at = url, options: BrowserContextOptions = {}): Promise<Visit> {
    const context = await browser.newContext({
      viewport: { width: 1000, height: 760 },
      reducedMotion: 'reduce',
      locale: 'en-GB',
      ...options
    })
    t.teardown(() => context.close())
    const complaints: string[] = []
    context.on('weberror', error => complaints.push(String(error.error())))
    context.on('console', message => {
      // Chromium reports every 4xx answer: some tests expect those.
      if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) complaints.push(message.text())
    })
    await context.addInitScript(
      `addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective, e.blockedURI))`
    )
    const page = await context.newPage()
    page.setDefaultTimeout(20_000)
    await page.goto(at)
    return { page, context, complaints }
  }

  return { ...world, chromium: browser, url, frontend, outsider, open }
}

/** Consents at Google's page, in any window; the scope in `without` stays unticked. */
export async function consent(page: Page, email: string, { without = '' } = {}): Promise<void> {
  const button = page.getByRole('button', { name: email })
  await button.waitFor()
  if (without) await page.locator(`input[value$="${without}"]`).uncheck()
  await button.click()
}

/** Signs in from the signed-out page. */
export async function signIn(page: Page, email: string): Promise<void> {
  await page.locator('a[href="auth/google"]').click()
  await consent(page, email)
  await page.locator('.who').waitFor()
}
