import t from 'tap'
import { isProblem } from '../../helper.ts'
import { tell } from './story.ts'

t.test('[R79] keep-alive › Google closes idle sockets between 200 reads › every read succeeds', async t => {
  const { google, ada, connection } = await tell(t)
  const statuses = new Map<number, number>()
  for (let call = 0; call < 200; call++) {
    if (call % 3 === 0) google.closeIdleConnections()
    const { statusCode } = await ada.fetch(`/connections/${connection.id}/gmail/messages?limit=1`)
    statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1)
  }
  t.same([...statuses], [[200, 200]])
  t.equal(google.calls('gmail'), 200, 'and none was made twice')
})

t.test('[R79] keep-alive › Google resets a socket when it is used again › a read is retried once', async t => {
  const { google, ada, connection } = await tell(t)
  const read = () => ada.fetch(`/connections/${connection.id}/gmail/messages?limit=1`)
  t.equal((await read()).statusCode, 200)
  for (let round = 0; round < 10; round++) {
    google.fault('gmail', { resetBeforeRead: true })
    t.equal((await read()).statusCode, 200)
  }
})

t.test('[R79] keep-alive › a modify is reset after it was sent › it is not repeated', async t => {
  const { google, ada, connection } = await tell(t)
  const message = google.user('ada@example.com').messages[0]?.id
  const url = `/connections/${connection.id}/gmail/messages/${message}/modify`
  google.fault('gmail', { reset: true })
  t.equal((await ada.fetch(url, 'POST', { addLabels: ['STARRED'] })).statusCode, 503)
  t.equal(google.calls('gmail'), 1)
})

t.test('[R79] keep-alive › idle sockets closed between exchanges and refreshes › each call is made once', async t => {
  const { google, ada, expire, vend, refreshes } = await tell(t)
  const before = google.calls('token')
  for (let round = 1; round <= 8; round++) {
    google.closeIdleConnections()
    await ada.connected()
    google.closeIdleConnections()
    expire()
    t.equal((await vend()).statusCode, 200)
    t.equal(refreshes(), round)
  }
  t.equal(google.calls('token'), before + 16)
  t.same(google.violations, [])
})

t.test('[R79] keep-alive › stray bytes after an answer › never become part of another answer', async t => {
  const { google, ada, connection, expire, vend, refreshes } = await tell(t)
  const stray = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{"evil":true}'
  for (let round = 1; round <= 10; round++) {
    google.fault('gmail', { trailing: stray })
    google.fault('token', { trailing: stray })
    expire()
    const answer = await vend()
    t.equal(answer.statusCode, 200)
    t.equal(google.ledger.canOpen(answer.json().access_token), connection.account.sub)
    for (let read = 0; read < 2; read++) {
      const { statusCode, body } = await ada.fetch(`/connections/${connection.id}/gmail/messages?limit=1`)
      t.equal(statusCode, 200)
      t.notMatch(body, 'evil')
    }
    t.equal(refreshes(), round)
  }
})

t.test('keep-alive › disconnected while Google is down › a token that still lives is not vended', async t => {
  const { google, ada, clock, connection, vend } = await tell(t)
  clock.advance((google.accessTokenLifetimeSeconds - 120) * 1000)
  const { promise: gone, resolve } = Promise.withResolvers<void>()
  google.fault('token', { delayUntil: gone, when: 'before' })
  const arrived = google.arrival('token')
  const vending = vend({ minTtlSeconds: 300 })
  await arrived
  google.fault('revoke', { status: 503 })
  t.equal((await ada.fetch(`/connections/${connection.id}`, 'DELETE')).json().revoked, 'pending')
  await google.close()
  resolve()
  isProblem(t, await vending, 404, 'not_found')
})
