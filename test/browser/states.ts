import axe from 'axe-core'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { createHostApp } from '../accounts/tickets/ticket.ts'
import { consent, type Scene, signIn } from './scene.ts'

const [ada, bob] = ['ada@example.com', 'bob@example.com']

interface AxeResults {
  violations: { id: string; nodes: { html: string; failureSummary: string }[] }[]
}

const everyRule = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }

/** What axe-core finds, in light and in dark, and what scrolls sideways on a small phone. */
async function faultsOf(page: Page): Promise<string[]> {
  const faults: string[] = []
  await page.evaluate(axe.source)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    // Only colours differ between the two.
    const rules = colorScheme === 'light' ? everyRule : { type: 'rule', values: ['color-contrast'] }
    const options = JSON.stringify({ resultTypes: ['violations'], runOnly: rules })
    const { violations } = await page.evaluate<AxeResults>(`axe.run(document, ${options})`)
    for (const { id, nodes } of violations)
      faults.push(`${colorScheme}: ${id}: ${nodes.map(node => `${node.html} ${node.failureSummary}`).join('; ')}`)
  }
  const size = page.viewportSize()
  await page.setViewportSize({ width: 320, height: 640 })
  const sideways = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
  if (sideways > 0) faults.push(`${sideways} px wider than a phone of 320`)
  if (size) await page.setViewportSize(size)
  return faults
}

/** Every state of every page, as screen readers and small phones meet it. */
export async function stateStories(t: Test, scene: Scene): Promise<void> {
  const host = await createHostApp(scene, 'Post Office <b>')

  await t.test('states › signed out › no violation of axe-core, nothing scrolls sideways', async t => {
    const { page, context } = await scene.open(t)
    t.same(await faultsOf(page), [], 'welcome')
    await page.goto(`${scene.url}/?status=flow_expired`)
    await page.getByRole('alert').getByText('longer than allowed').waitFor()
    t.same(await faultsOf(page), [], 'with an error')
    await page.goto(`${scene.url}/popup?status=account_mismatch`)
    await page.getByText('Another account was chosen').waitFor()
    t.same(await faultsOf(page), [], 'the end of a popup')
    await page.goto(`${scene.url}/start?ticket=cut`)
    t.same(await faultsOf(page), [], 'a link that is cut')

    const link = await host.ticket({ externalId: 'u-1', displayName: '<i>Zoë', service: 'gmail', expectedEmail: ada })
    await page.goto(scene.url + link)
    t.same(await faultsOf(page), [], 'a ticket')
    // No content: the browser stays on the page that is leaving.
    await context.route(`${scene.google.issuer}/**`, route => route.fulfill({ status: 204 }))
    await page.getByRole('button', { name: 'Continue to Google' }).click()
    await page.getByRole('heading', { name: 'Going to Google' }).waitFor()
    t.same(await faultsOf(page), [], 'leaving')
  })

  await t.test('states › signed in › no violation of axe-core, nothing scrolls sideways', async t => {
    const { page } = await scene.open(t)
    await signIn(page, ada)
    t.same(await faultsOf(page), [], 'nothing connected')
    scene.google.refreshTokenLifetimeSeconds = 20 * 3600
    for (const [account, without] of [
      [ada, ''],
      [bob, 'gmail.modify']
    ] as const) {
      await page.locator('a[href="connect/gmail"]').click()
      await consent(page, account, { without })
      await page.getByRole('article', { name: account }).waitFor()
    }
    scene.google.refreshTokenLifetimeSeconds = undefined
    await page.getByText('Google ends this permission in 20 hours').first().waitFor()
    t.same(await faultsOf(page), [], 'active and partial, both ending soon, with a message')

    await page.route('**/gmail/messages?**', route =>
      route.fulfill({
        status: 429,
        contentType: 'application/problem+json',
        json: { code: 'google_rate_limited', retryAfterSeconds: 9 }
      })
    )
    await page.getByText('Show latest mail').first().click()
    await page.getByText('The next try can work in 9 seconds').waitFor()
    t.same(await faultsOf(page), [], 'mail that cannot be read')
    const items = [
      {
        id: '1',
        subject: '<b>Bold</b> ‮evil',
        from: { name: '"><img src=x>', address: 'c@example.org' },
        snippet: 'a & b'
      },
      { id: '2', error: { code: 'not_found' } },
      { id: '3', subject: 'x'.repeat(300), from: null, receivedAt: '2026-11-27T09:05:00.000Z' }
    ]
    await page.unroute('**/gmail/messages?**')
    await page.route('**/gmail/messages?**', route => route.fulfill({ json: { items } }))
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByText('<b>Bold</b>').waitFor()
    t.same(await faultsOf(page), [], 'mail')

    scene.google.revokeGrant(bob)
    const ids = await page.evaluate<string[]>(
      `fetch('/connections').then(r => r.json()).then(b => b.connections.map(c => c.id))`
    )
    for (const id of ids) await page.request.get(`${scene.url}/connections/${id}/gmail/profile`)
    await page.goto(`${scene.url}/?done=kept`)
    await page.getByText('Needs reconnect').waitFor()
    t.same(await faultsOf(page), [], 'a dead connection')

    await page.locator('a[href^="disconnect"]').first().click()
    t.same(await faultsOf(page), [], 'before disconnecting')
    await page.goto(`${scene.url}/delete-account`)
    t.same(await faultsOf(page), [], 'before deleting')
    await page.getByRole('button', { name: 'Delete account' }).click()
    await page.getByText('Your account and its connections are deleted').waitFor()
    t.same(await faultsOf(page), [], 'deleted')
  })

  await t.test('ticket › from a host app › to Google, and back to an app that redirects again', async t => {
    const { page, complaints } = await scene.open(t)
    const returnTo = `${scene.frontend}/moved`
    await page.goto(
      scene.url + (await host.ticket({ externalId: 'u-2', displayName: 'Zoë', service: 'gmail', returnTo }))
    )
    await page.getByText('write and send mail in your name').waitFor()
    // As with a double click: the second press comes before the first is answered.
    await page.evaluate(`for (const _ of '12') document.querySelector('form').submit()`)
    await consent(page, ada)
    await page.waitForURL(/\/arrived$/)
    t.equal(new URL(page.url()).origin, scene.outsider)

    const visit = await host.ticket({ externalId: 'u-2', returnTo })
    await page.goto(scene.url + visit)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.waitForURL(/\/arrived$/)
    t.same(complaints, [], 'no form-action was held against a redirect')
    await page.goto(scene.url)
    await page.getByRole('article', { name: `Gmail, ${ada}` }).waitFor()
    await page.getByText('Zoë').first().waitFor()
  })
}
