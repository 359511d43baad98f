import t from 'tap'
import { type Browser, enter, isProblem, type World } from '../../helper.ts'

const api = 'https://www.googleapis.com/auth/'
const readonly = `${api}gmail.readonly`
const modify = `${api}gmail.modify`
const identity = ['openid', `${api}userinfo.email`]

const writesAt = ({ google }: World) => google.requestsTo('gmail').filter(({ method }) => method !== 'GET').length

/** Every route that changes mail, tried once. */
async function tryWrites({ google }: World, browser: Browser, id: string) {
  const message = `/connections/${id}/gmail/messages/${google.user('ada@example.com').messages[0]?.id}`
  const ids = [google.user('ada@example.com').messages[0]?.id]
  return [
    await browser.fetch(`${message}/modify`, 'POST', { addLabels: ['STARRED'] }),
    await browser.fetch(`/connections/${id}/gmail/messages/batchModify`, 'POST', { ids, addLabels: ['STARRED'] }),
    await browser.fetch(`${message}/trash`, 'POST'),
    await browser.fetch(`${message}/untrash`, 'POST')
  ]
}

async function tryReads({ google }: World, browser: Browser, id: string) {
  const { messages } = google.user('ada@example.com')
  const paths = ['profile', 'labels', 'messages', `messages/${messages[0]?.id}`, 'threads']
  return Promise.all(paths.map(path => browser.fetch(`/connections/${id}/gmail/${path}`)))
}

t.test('[R25] scopes › only readonly is ticked › partial: reads, and no write reaches Google', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  const connection = await ada.connected({ grant: ['gmail.readonly'] })
  const connectUrl = `http://localhost:3000/connect/gmail?connectionId=${connection.id}`
  t.match(connection, { status: 'partial', connectUrl })
  t.same([connection.grantedScopes, connection.missingScopes], [[...identity, readonly], [modify]])
  t.match((await ada.fetch(`/connections/${connection.id}`)).json(), { connection })

  for (const response of await tryWrites(world, ada, connection.id)) {
    isProblem(t, response, 403, 'missing_scopes')
    t.match(response.json(), { missingScopes: [modify], connectUrl })
  }
  t.equal(writesAt(world), 0)
  for (const response of await tryReads(world, ada, connection.id)) t.equal(response.statusCode, 200)
  t.same(world.google.violations, [])
})

t.test('[R25] scopes › only modify is ticked › active: it covers reading', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  const connection = await ada.connected({ grant: ['gmail.modify'] })
  t.equal(connection.status, 'active')
  t.same([connection.grantedScopes, connection.missingScopes], [[...identity, modify], []])
  t.equal(connection.connectUrl, undefined)
  for (const response of await tryReads(world, ada, connection.id)) t.equal(response.statusCode, 200)
  for (const response of await tryWrites(world, ada, connection.id)) t.ok(response.statusCode < 300)
  t.same(world.google.violations, [])
})

t.test('[R25] scopes › nothing is ticked › partial: no call reaches Google', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  const connection = await ada.connected({ grant: [] })
  t.equal(connection.status, 'partial')
  t.same([connection.grantedScopes, connection.missingScopes], [identity, [readonly, modify]])
  for (const response of await tryReads(world, ada, connection.id)) {
    isProblem(t, response, 403, 'missing_scopes')
    t.same(response.json().missingScopes, [readonly])
  }
  for (const response of await tryWrites(world, ada, connection.id)) isProblem(t, response, 403, 'missing_scopes')
  t.equal(world.google.calls('gmail'), 0)
})

t.test('[R25] scopes › more than requested, or in another order › active, and stored as granted', async t => {
  const { signedIn } = await enter(t)
  const ada = await signedIn()
  const more = await ada.connected({ grant: ['gmail.readonly', 'gmail.modify', 'gmail.send', 'calendar.readonly'] })
  t.match(more, { status: 'active', missingScopes: [] })
  t.same(more.grantedScopes, [...identity, readonly, modify, `${api}gmail.send`, `${api}calendar.readonly`])
  const turned = await ada.connected({ grant: ['gmail.modify', 'openid', 'gmail.readonly', 'email'] })
  t.match(turned, { id: more.id, status: 'active', missingScopes: [] })
  t.same(turned.grantedScopes, [modify, 'openid', readonly, `${api}userinfo.email`], 'replaced, not united')
})

t.test('[R25] scopes › the token answer decides, not the request or the callback', async t => {
  const { signedIn, google } = await enter(t)
  const ada = await signedIn()
  google.fault('token', { mutate: answer => ({ ...answer, scope: `openid ${readonly}` }) })
  const narrowed = await ada.connected()
  t.equal(narrowed.status, 'partial')
  t.same([narrowed.grantedScopes, narrowed.missingScopes], [['openid', readonly], [modify]])

  const callback = await ada.authorize('/connect/gmail', { grant: ['gmail.readonly'] })
  const told = callback.replace(/([?&])scope=[^&]*/, `$1scope=${encodeURIComponent(`openid ${readonly} ${modify}`)}`)
  t.not(told, callback)
  t.match((await ada.fetch(told)).json(), { connection: { status: 'partial', missingScopes: [modify] } })

  google.fault('token', { mutate: ({ scope: _, ...answer }) => answer })
  const silent = await ada.connected()
  t.equal(silent.status, 'active')
  t.same(silent.grantedScopes, ['openid', 'email', readonly, modify], 'silent: all that was asked')
})

t.test('[R25] scopes › ticked at the second attempt › the same connection, now active', async t => {
  const world = await enter(t)
  const ada = await world.signedIn()
  const partial = await ada.connected({ grant: ['gmail.readonly'] })
  const repaired = await ada.connect({}, new URL(partial.connectUrl ?? '').href.slice('http://localhost:3000'.length))
  t.match(repaired.json(), { connection: { id: partial.id, status: 'active', missingScopes: [] } })
  for (const response of await tryWrites(world, ada, partial.id)) t.ok(response.statusCode < 300)
  const narrowed = await ada.connected({ grant: ['gmail.readonly'] })
  t.match(narrowed, { id: partial.id, status: 'partial', missingScopes: [modify] }, 'and unticked again: less')
  t.same(world.google.violations, [])
})
