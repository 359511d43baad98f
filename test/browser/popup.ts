import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { aMoment } from '../services/gmail/news/newsroom.ts'
import { consent, type Scene } from './scene.ts'

const ada = 'ada@example.com'
const out = (page: Page, text: string | RegExp) => page.locator('#out').getByText(text).waitFor()

async function pressConnect(page: Page): Promise<Page> {
  const opened = page.waitForEvent('popup')
  await page.locator('#connect').click()
  return opened
}

/** The browser client on a frontend of its own origin. */
export async function popupStories(t: Test, scene: Scene): Promise<void> {
  await t.test('client › popup › signs in, connects, tells the page and closes itself', async t => {
    const { page, complaints } = await scene.open(t, scene.frontend)
    t.equal(await page.evaluate('guichet.session()'), null)
    const popup = await pressConnect(page)
    const closed = popup.waitForEvent('close')
    await consent(popup, ada)
    await consent(popup, ada)
    await closed
    await out(page, /^\{"status":"connected","connection":"[0-9a-f]{24}"\}$/)
    t.equal(page.url(), `${scene.frontend}/`, 'the page has stayed')
    t.match(await page.evaluate('guichet.session()'), { email: ada })
    const [connection] = await page.evaluate<{ id: string }[]>('guichet.connections()')
    t.match(connection, { service: 'gmail', status: 'active' })
    t.equal(await page.evaluate('changes'), 1)

    const mail = `guichet.gmail('${connection?.id}')`
    const { items } = await page.evaluate<{ items: { id: string }[] }>(
      `${mail}.list({ labelIds: ['INBOX'], limit: 1 })`
    )
    t.equal(items.length, 1)
    t.match(await page.evaluate(`${mail}.read('${items[0]?.id}')`), { subject: String, attachments: Array })
    const sent = await page.evaluate<{ id: string }>(
      `${mail}.send({ to: ['bob@example.com'], subject: 'Hi', text: 'x' })`
    )
    t.match(await page.evaluate(`${mail}.read('${sent.id}')`), { subject: 'Hi' })
    t.equal(
      scene.google.requests.filter(({ path }) => path.endsWith('/drafts/send')).length,
      1,
      'by a draft: there was an Idempotency-Key'
    )

    const watched = await page.evaluate(
      `fetch('${scene.url}/connections/${connection?.id}/gmail/watch', { method: 'PUT', credentials: 'include' }).then(({ status }) => status)`
    )
    t.equal(watched, 200)
    await page.evaluate(`window.heard = []; window.hush = ${mail}.stream(event => heard.push(event))`)
    const arrived = async (subject: string) => {
      const { id } = scene.google.user(ada).gmail.receive({ from: 'bob@example.com', subject, body: 'x' })
      scene.clock.advance(aMoment)
      await scene.app.background.run()
      return id
    }
    // The stream sends only events from its opening on.
    let news = ''
    for (let tries = 0; tries < 50 && !(await page.evaluate('heard.length')); tries++) {
      news = await arrived('News')
      await page.waitForTimeout(100)
    }
    const told = `heard.find(({ data }) => data.messageId === '${news}')`
    await page.waitForFunction(told)
    t.match(await page.evaluate(told), {
      type: 'gmail.message_received',
      data: { connectionId: connection?.id, messageId: news, labelIds: ['INBOX', 'UNREAD'] }
    })
    const heard = await page.evaluate('hush(), heard.length')
    await arrived('Not heard')
    t.equal(await page.evaluate('heard.length'), heard, 'ended by its reader')

    await page.evaluate(`show(guichet.disconnect('${connection?.id}'))`)
    await out(page, '"revoked":"confirmed"')
    await page.evaluate(`show(guichet.disconnect('${connection?.id}'))`)
    await out(page, 'code not_found')
    await page.evaluate('guichet.signOut()')
    t.equal(await page.evaluate('guichet.session()'), null)
    t.equal(await page.evaluate('changes'), 3)
    t.same(complaints, [])
  })

  await t.test('client › popup › closed by the user, or declined at Google › declined', async t => {
    const { page } = await scene.open(t, scene.frontend)
    const popup = await pressConnect(page)
    await popup.getByRole('button', { name: ada }).waitFor()
    await popup.close()
    await out(page, '{"status":"declined"}')

    await page.evaluate(`document.getElementById('out').textContent = ''`)
    const again = await pressConnect(page)
    await consent(again, ada)
    await again.getByRole('button', { name: 'Cancel' }).click()
    await out(page, '{"status":"declined"}')
    t.equal(await page.evaluate('window.changes'), undefined)
  })

  await t.test('client › popup › a message from another origin or another window › is ignored', async t => {
    const { page } = await scene.open(t, scene.frontend)
    const popup = await pressConnect(page)
    await popup.getByRole('button', { name: ada }).waitFor()
    const forged = `{ status: 'connected', connection: '${'a'.repeat(24)}' }`
    // Google's page stands in the popup: the right window and the wrong origin.
    await popup.evaluate(`opener.postMessage(${forged}, '*')`)
    // guichet's own page in a frame's place: the right origin and the wrong window.
    await page.evaluate(`
      dispatchEvent(new MessageEvent('message', { origin: '${scene.url}', source: window, data: ${forged} }))
    `)
    await popup.close()
    await out(page, '{"status":"declined"}')
  })

  await t.test('client › popup › blocked › the page itself goes to Google, and comes back', async t => {
    const { page, complaints } = await scene.open(t, `${scene.frontend}/inbox?tab=2`)
    await page.evaluate('window.open = () => null')
    await page.locator('#connect').click()
    await consent(page, ada)
    await consent(page, ada)
    await page.waitForURL(/\/inbox\?tab=2&status=connected&connection=[0-9a-f]{24}$/)
    t.equal(new URL(page.url()).origin, scene.frontend)
    t.same(complaints, [])
  })

  await t.test('client › an origin that is not listed › refused, and a popup tells it nothing', async t => {
    const { page } = await scene.open(t, scene.outsider)
    await page.evaluate('show(guichet.session())')
    await out(page, 'code offline')
    await page.evaluate(`addEventListener('message', event => (window.told = event.data))`)
    const popup = await pressConnect(page)
    await consent(popup, ada)
    await consent(popup, ada)
    await popup.getByText('close this window').waitFor()
    t.equal(await page.evaluate('window.told'), undefined)
    await popup.close()
    await out(page, '{"status":"declined"}')
  })
}
