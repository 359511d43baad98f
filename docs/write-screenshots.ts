import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createHostApp } from '../test/accounts/tickets/ticket.ts'
import { consent, openScene } from '../test/browser/scene.ts'

/* `npm run screenshots`: the hosted pages on a phone and on a desk, in light and in dark, into docs/screenshots. */
const folder = join(import.meta.dirname, 'screenshots')
t.setTimeout(300_000)
mkdirSync(folder, { recursive: true })
const [ada, noor] = ['ada@example.com', 'bob@example.com']
const sizes = { phone: { width: 390, height: 844 }, desk: { width: 1100, height: 800 } }

t.test('screenshots', async t => {
  const scene = await openScene(t)
  const host = await createHostApp(scene, 'Post Office')
  for (const [size, viewport] of Object.entries(sizes)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      const locale = colorScheme === 'dark' ? 'fr-FR' : 'en-GB'
      const { page } = await scene.open(t, scene.url, { viewport, colorScheme, locale, deviceScaleFactor: 1 })
      const shoot = (name: string) =>
        page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.jpg`), fullPage: true, quality: 65 })
      await shoot('welcome')
      await page.locator('a[href="auth/google"]').click()
      await consent(page, ada)
      for (const [account, without] of [
        [ada, ''],
        [noor, 'gmail.modify']
      ] as const) {
        await page.locator('a[href="connect/gmail"]').click()
        await consent(page, account, { without })
      }
      await page.locator('.warning').waitFor()
      await shoot('accounts')
      await page.locator('a[href^="disconnect"]').first().click()
      await shoot('disconnect')
      await page.goto(scene.url + (await host.ticket({ externalId: 'u-17', displayName: 'Ada', service: 'gmail' })))
      await shoot('ticket')
      await page.goto(`${scene.url}/delete-account`)
      await page.locator('button.danger').click()
    }
  }
})
