import t from 'tap'
import { build } from './helper.ts'

t.test('journey › sign in, connect, read, disconnect', async t => {
  const { signedIn, google } = await build(t)
  const ada = await signedIn()
  t.match((await ada.fetch('/auth/session')).json(), { user: { email: 'ada@example.com' } })

  const connection = await ada.connected()
  t.match(connection, { service: 'gmail', status: 'active', account: { email: 'ada@example.com' }, missingScopes: [] })

  const { items } = (await ada.fetch(`/connections/${connection.id}/gmail/messages?limit=2`)).json()
  t.equal(items.length, 2)
  const read = await ada.fetch(`/connections/${connection.id}/gmail/messages/${items[0].id}`)
  t.equal(read.json().id, items[0].id)

  t.same((await ada.fetch(`/connections/${connection.id}`, 'DELETE')).json(), {
    id: connection.id,
    revoked: 'confirmed'
  })
  t.same((await ada.fetch('/connections')).json(), { connections: [] })
  t.equal(google.calls('revoke'), 1)
  t.same(google.violations, [])
})
