import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { consent, type Scene, signIn } from './scene.ts'

const [ada, bob] = ['ada@example.com', 'bob@example.com']
const ticketOf = (page: Page, email: string) => page.getByRole('article', { name: `Gmail, ${email}` })

/** Expressions are given as text: this side of the test has no DOM, and no types of it. */
const focused = (page: Page) => page.evaluate<string>('document.activeElement.textContent.trim()')

/** Tabs to the element called `name`; the limit is far above the number of focusable elements. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab')
    if ((await focused(page)).includes(name)) return
  }
  throw new Error(`The keyboard does not reach "${name}"`)
}

async function connectGmail(page: Page, email: string, without = ''): Promise<void> {
  await page.locator('a[href="connect/gmail"]').click()
  await consent(page, email, { without })
  await ticketOf(page, email).waitFor()
}

/** The hosted pages, as people use them. */
export async function pageStories(t: Test, scene: Scene): Promise<void> {
  await t.test('page › in English, by mouse › sign in, connect, read mail, disconnect, sign out', async t => {
    const { page, complaints } = await scene.open(t)
    await page.getByRole('link', { name: 'Sign in with Google' }).click()
    await consent(page, ada)
    await page.getByText('Nothing is connected yet').waitFor()
    await page.getByRole('listitem').filter({ hasText: 'write and send mail in your name' }).first().waitFor()

    await connectGmail(page, ada)
    await page.getByRole('status').getByText(`${ada} is connected.`).waitFor()
    // The page's script takes the outcome out of the address bar.
    await page.waitForURL(`${scene.url}/`)
    t.equal(await focused(page).then(text => text.includes('is connected')), true, 'what happened has the focus')
    await page.getByRole('link', { name: 'Close this message' }).click()
    t.equal(await page.getByText('is connected.').count(), 0)

    const ticket = ticketOf(page, ada)
    await ticket.getByText('Active').waitFor()
    await ticket.getByText('Show latest mail').click()
    await ticket.getByText('Notes on the engine').waitFor()
    await ticket.getByText('fetched just now and not kept').waitFor()

    await ticket.getByRole('link', { name: `Disconnect Gmail, ${ada}` }).click()
    await page.getByRole('link', { name: 'Cancel' }).click()
    t.equal(await ticketOf(page, ada).count(), 1, 'cancelling keeps the connection')
    await ticketOf(page, ada)
      .getByRole('link', { name: /^Disconnect/ })
      .click()
    await page.getByRole('button', { name: 'Disconnect' }).click()
    await page.getByRole('status').getByText('Google has withdrawn the permission').waitFor()
    await page.getByText('Nothing is connected yet').waitFor()

    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('You are signed out').waitFor()
    await page.waitForURL(`${scene.url}/`)
    await page.reload()
    t.equal(await page.getByText('You are signed out').count(), 0, 'a message is said once')
    t.same(complaints, [], 'no error, no violation of the content security policy')
  })

  await t.test('page › in French, by keyboard › the same journey', async t => {
    const { page, complaints } = await scene.open(t, scene.url, { locale: 'fr-CA' })
    t.equal(await page.locator('html').getAttribute('lang'), 'fr')
    await tabTo(page, 'S’identifier avec Google')
    await page.keyboard.press('Enter')
    await consent(page, bob)
    await page.getByText('Rien n’est encore connecté').waitFor()
    await tabTo(page, 'Connecter compte Gmail')
    await page.keyboard.press('Enter')
    await consent(page, bob)
    await page.getByRole('status').getByText(`${bob} est connecté.`).waitFor()
    // Once the script has run, the page's buttons have their handlers.
    await page.waitForURL(`${scene.url}/`)
    await page.getByText(/Connecté le \d+ \S+ \d{4}/).waitFor()
    await tabTo(page, 'Afficher les derniers messages')
    await page.keyboard.press('Enter')
    await page.getByText(/lus à l’instant|Aucun message/).waitFor()
    await tabTo(page, `Déconnecter Gmail, ${bob}`)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Déconnecter Gmail' }).waitFor()
    t.equal(await focused(page), 'Annuler', 'the harmless answer has the focus')
    await tabTo(page, 'Déconnecter')
    await page.keyboard.press('Enter')
    await page.getByText('Google a retiré l’autorisation').waitFor()
    await tabTo(page, 'Supprimer le compte')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Supprimer votre compte ici' }).waitFor()
    await tabTo(page, 'Supprimer le compte')
    await page.keyboard.press('Enter')
    await page.getByText('Votre compte et ses connexions sont supprimés').waitFor()
    t.same(complaints, [])
  })

  await t.test('page › with scripts blocked › links and forms are enough', async t => {
    const { page } = await scene.open(t, scene.url, { javaScriptEnabled: false })
    await signIn(page, ada)
    await connectGmail(page, ada)
    await page.getByText(`${ada} is connected.`).waitFor()
    t.match(await page.locator('.when time').first().textContent(), / UTC$/)
    t.equal(await page.getByText('Show latest mail').isVisible(), false, 'what needs a script is not offered')
    await page.getByRole('link', { name: /^Disconnect/ }).click()
    await page.getByRole('button', { name: 'Disconnect' }).click()
    await page.getByText('Google has withdrawn the permission').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('You are signed out').waitFor()
  })

  await t.test('page › a box left unticked › names the missing scope, with one button to repair it', async t => {
    const { page } = await scene.open(t)
    await signIn(page, ada)
    await connectGmail(page, ada, 'gmail.modify')
    const ticket = ticketOf(page, ada)
    await ticket.getByText('Partial').waitFor()
    await page.getByText('though not with everything asked for').waitFor()
    t.match(await ticket.locator('.warning').textContent(), 'write and send mail in your name')
    await ticket.getByRole('link', { name: /^Reconnect/ }).click()
    await consent(page, ada)
    await ticket.getByText('Active').waitFor()
    t.equal(await ticket.locator('.warning').count(), 0)
    t.equal(await ticket.getByRole('link', { name: /^Reconnect/ }).count(), 0)
    await signOutAndErase(page, scene)
  })

  await t.test('page › a revoked grant › the reason, with one button to repair it', async t => {
    const { page } = await scene.open(t)
    await signIn(page, ada)
    await connectGmail(page, ada)
    scene.google.revokeGrant(ada)
    const [{ id }] = await page.evaluate<[{ id: string }]>(
      `fetch('/connections').then(r => r.json()).then(b => b.connections)`
    )
    t.equal((await page.request.get(`${scene.url}/connections/${id}/gmail/profile`)).status(), 409)
    await page.reload()
    const ticket = ticketOf(page, ada)
    await ticket.getByText('Needs reconnect').waitFor()
    await ticket.getByText('it was withdrawn, the password was changed').waitFor()
    t.equal(await ticket.getByText('Show latest mail').count(), 0)
    await ticket.getByRole('link', { name: /^Reconnect/ }).click()
    await consent(page, ada)
    await ticket.getByText('Active').waitFor()
    await signOutAndErase(page, scene)
  })

  await t.test('page › leaving for Google › says so, and a second press does nothing', async t => {
    const { page } = await scene.open(t)
    let starts = 0
    await page.route('**/auth/google', route => {
      starts++
      return route.fulfill({ status: 204 })
    })
    const link = page.getByRole('link', { name: 'Sign in with Google' })
    await link.click()
    await page.getByRole('status').getByText('Going to Google').waitFor()
    await link.click()
    t.equal(starts, 1)
  })
}

async function signOutAndErase(page: Page, { url }: Scene): Promise<void> {
  await page.goto(`${url}/delete-account`)
  await page.getByRole('button', { name: 'Delete account' }).click()
  await page.getByText('Your account and its connections are deleted').waitFor()
}
