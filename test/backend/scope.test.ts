import t from 'tap'
import { type Operation, operations } from '../../src/backend/keys.ts'
import { enter, isProblem, problemOf, type World } from '../helper.ts'
import { createBackend } from './backend.ts'

/** One user with Gmail and Calendar connected. */
async function twoServices(world: World): Promise<{ gmail: string; calendar: string; userId: string }> {
  const ada = await world.signedIn()
  const { id: gmail, userId } = await ada.connected()
  const calendar = (await ada.connect({}, '/connect/calendar')).json().connection.id
  return { gmail, calendar, userId }
}

t.test('[R87] backend key › without the operation › refused, whatever else it may do', async t => {
  const world = await enter(t)
  const { gmail } = await twoServices(world)
  const { id: message, attachments } = world.google.user('ada@example.com').messages[2] ?? {}
  const needs: [Operation, 'GET' | 'POST' | 'DELETE', string, object?][] = [
    ['tokens:vend', 'POST', `/v1/connections/${gmail}/token`],
    ['connections:read', 'GET', '/v1/connections'],
    ['connections:read', 'GET', `/v1/connections/${gmail}`],
    ['tickets:create', 'POST', '/v1/tickets', { externalId: 'u-1' }],
    ['events:read', 'GET', '/v1/events'],
    ['gmail:read', 'GET', `/v1/connections/${gmail}/gmail/profile`],
    ['gmail:read', 'GET', `/v1/connections/${gmail}/gmail/labels`],
    ['gmail:read', 'GET', `/v1/connections/${gmail}/gmail/messages`],
    ['gmail:read', 'GET', `/v1/connections/${gmail}/gmail/messages/${message}`],
    ['gmail:read', 'GET', `/v1/connections/${gmail}/gmail/messages/${message}/attachments/${attachments?.[0]?.partId}`],
    ['gmail:read', 'GET', `/v1/connections/${gmail}/gmail/threads`],
    ['gmail:read', 'GET', `/v1/connections/${gmail}/gmail/threads/${message}`],
    ['gmail:modify', 'POST', `/v1/connections/${gmail}/gmail/messages/${message}/modify`, { addLabels: ['STARRED'] }],
    [
      'gmail:modify',
      'POST',
      `/v1/connections/${gmail}/gmail/messages/batchModify`,
      { ids: [message], addLabels: ['STARRED'] }
    ],
    ['gmail:modify', 'POST', `/v1/connections/${gmail}/gmail/messages/${message}/trash`],
    ['gmail:modify', 'POST', `/v1/connections/${gmail}/gmail/messages/${message}/untrash`],
    ['connections:delete', 'DELETE', `/v1/connections/${gmail}`]
  ]
  const before = world.google.requests.length
  for (const [operation, method, url, body] of needs) {
    const others = await createBackend(world.app, { operations: operations.filter(one => one !== operation) })
    isProblem(t, await others.fetch(url, method, body), 403, 'forbidden')
  }
  t.equal(world.google.requests.length, before, 'Google heard of none')
  for (const [operation, method, url, body] of needs) {
    const alone = await createBackend(world.app, { operations: [operation] })
    const { statusCode } = await alone.fetch(url, method, body)
    t.ok(statusCode < 300, `${operation} is enough for ${method} ${url}: ${statusCode}`)
  }
  t.same(world.google.violations, [])
})

t.test('[R87] backend key › limited to a service › does not see others, by path, query or body', async t => {
  const world = await enter(t)
  const { app, google } = world
  const { gmail, calendar, userId } = await twoServices(world)
  const narrow = await createBackend(app, { services: ['gmail'] })
  const before = google.requests.length

  const unknown = problemOf(await narrow.fetch('/v1/connections/0123456789abcdef01234567'))
  for (const [method, url] of [
    ['GET', `/v1/connections/${calendar}`],
    ['POST', `/v1/connections/${calendar}/token`],
    ['DELETE', `/v1/connections/${calendar}`],
    ['GET', `/v1/connections/${calendar}/gmail/messages`]
  ] as const) {
    const response = await narrow.fetch(url, method)
    isProblem(t, response, 404, 'not_found')
    const { requestId: _, instance: __, ...rest } = problemOf(response)
    const { requestId: ___, instance: ____, ...same } = unknown
    t.same(rest, same, 'like one that is not there')
  }
  for (const body of [
    { externalId: 'u-1', service: 'calendar' },
    { externalId: 'u-1', connectionId: calendar }
  ]) {
    isProblem(t, await narrow.fetch('/v1/tickets', 'POST', body), 404, 'not_found')
  }
  for (const query of [
    '',
    '?service=calendar',
    '?service=gmail',
    `?userId=${userId}`,
    `?userId=${userId}&service=calendar`
  ]) {
    const { connections } = (await narrow.fetch(`/v1/connections${query}`)).json()
    const expected = query.includes('calendar') ? [] : [gmail]
    t.same(
      connections.map((one: { id: string }) => one.id),
      expected,
      query
    )
  }
  await app.background.run()
  const { events } = (await narrow.fetch('/v1/events')).json()
  t.same(
    events.map((one: { data: { connection: { id: string } } }) => one.data.connection.id),
    [gmail],
    'nor hears of it'
  )

  t.equal(google.requests.length, before)
  const wide = await createBackend(app, { services: ['gmail', 'calendar'] })
  t.equal((await wide.vend(calendar)).statusCode, 200, 'a key for both opens both')
  t.equal((await wide.fetch('/v1/connections')).json().connections.length, 2)
  t.equal((await narrow.vend(gmail)).statusCode, 200)
  const nothing = await createBackend(app, { services: [] })
  isProblem(t, await nothing.vend(gmail), 404, 'not_found')
  t.same((await nothing.fetch('/v1/connections')).json().connections, [])
})

t.test('[R87] backend key › a request that claims more rights › the key’s own rights count', async t => {
  const world = await enter(t)
  const { app } = world
  const { gmail, calendar, userId } = await twoServices(world)
  const reader = await createBackend(app, { operations: ['connections:read'], services: ['gmail'] })
  const vendor = await createBackend(app, { operations: ['tokens:vend'], services: ['gmail'] })
  const wishes: object[] = [
    { operations: ['tokens:vend'] },
    { services: ['calendar'] },
    { scope: 'https://www.googleapis.com/auth/calendar' },
    { userId },
    { connectionId: calendar },
    { service: 'calendar' },
    { admin: true },
    { auth: false },
    { minTtlSeconds: 0, operations: operations }
  ]
  for (const body of wishes) {
    isProblem(t, await reader.vend(gmail, body), 403, 'forbidden')
    isProblem(t, await vendor.vend(gmail, body), 400, 'invalid_request')
    const url = `/v1/connections/${gmail}/token`
    isProblem(t, await app.inject({ method: 'POST', url, payload: body }), 401, 'backend_key_invalid')
  }
  for (const query of [
    'operations=tokens:vend',
    'services=calendar',
    'services[]=calendar',
    'service[$ne]=x',
    'all=1'
  ]) {
    isProblem(t, await reader.fetch(`/v1/connections?${query}`), 400, 'invalid_request')
    isProblem(t, await app.inject(`/v1/connections?${query}&userId=${userId}`), 401, 'backend_key_invalid')
  }
  const repeated = await reader.fetch('/v1/connections?service=gmail&service=calendar')
  isProblem(t, repeated, 400, 'invalid_request')
  t.equal((await vendor.vend(gmail, { minTtlSeconds: 60 })).statusCode, 200)
})
