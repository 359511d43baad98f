import { findFreePort } from '@guichet/fake-google/free-port'
import { createEmulator } from 'emulate'
import t, { type Test } from 'tap'
import { buildBefore, callbacks, type Judge } from './judge.ts'

/** A Google by other people (the npm package `emulate`): more lenient than ours, and not written to suit our code. */
async function startEmulate(t: Test): Promise<Judge> {
  const port = await findFreePort()
  const [clientId, clientSecret] = ['judged', 'the secret of the judged']
  const message = (id: string, subject: string) => ({
    ...{ id, user_email: 'ada@example.com', to: 'ada@example.com', from: 'Mary <mary@example.org>' },
    ...{ subject, body_text: `${subject}?`, date: new Date().toISOString(), label_ids: ['INBOX'] }
  })
  const google = await createEmulator({
    service: 'google',
    port,
    baseUrl: `http://127.0.0.1:${port}`,
    seed: {
      google: {
        // Without a picture its id_token says `picture: null`.
        users: [{ email: 'ada@example.com', name: 'Ada', picture: 'https://pictures.example/ada' }],
        messages: [message('m1', 'Tea'), message('m2', 'Cake')],
        oauth_clients: [{ client_id: clientId, client_secret: clientSecret, name: 'judged', redirect_uris: callbacks }]
      }
    }
  })
  t.teardown(() => google.close())
  return {
    issuer: google.url,
    clientId,
    clientSecret,
    async consent(url) {
      const page = await (await fetch(url)).text()
      const form = page.split('<form').find(part => part.includes('value="ada@example.com"')) ?? ''
      const toText = (html: string) => html.replaceAll('&amp;', '&').replaceAll('&#x2F;', '/')
      const action = /action="([^"]+)"/.exec(form)?.[1] ?? ''
      const fields = [...form.matchAll(/name="([^"]+)" value="([^"]*)"/g)]
      const body = new URLSearchParams()
      for (const [, name = '', value = ''] of fields) body.set(name, toText(value))
      const answer = await fetch(new URL(action, url), { method: 'POST', body, redirect: 'manual' })
      return answer.headers.get('location') ?? ''
    }
  }
}

t.test('judge emulate › sign in, connect, read, refresh, disconnect', async t => {
  const { browser, clock } = await buildBefore(t, await startEmulate(t))
  const ada = browser()
  await ada.signIn()
  t.match((await ada.fetch('/auth/session')).json(), { user: { email: 'ada@example.com' } })
  const connection = await ada.connected()
  t.match(connection, { service: 'gmail', status: 'active', account: { email: 'ada@example.com' }, missingScopes: [] })
  const gmail = `/connections/${connection.id}/gmail`
  const read = async () => {
    const list = await ada.fetch(`${gmail}/messages`)
    for (const id of ['m1', 'm2']) t.match(list.body, `"${id}"`)
    t.match((await ada.fetch(`${gmail}/messages/m1`)).json(), { id: 'm1', threadId: /./ })
  }
  await read()
  clock.advance(3_600_000)
  await read()
  t.same((await ada.fetch(`/connections/${connection.id}`, 'DELETE')).json(), {
    id: connection.id,
    revoked: 'confirmed'
  })
  t.same((await ada.fetch('/connections')).json(), { connections: [] })
})
