import t from 'tap'
import { isProblem, problemOf } from '../../helper.ts'
import { tell } from './story.ts'

t.test('[R70] invalid_grant › 100 callers at 3 replicas › one call, one event, a connectUrl for each', async t => {
  const { app, replica, google, ada, connection, expire, vend, stored, refreshes, events } = await tell(t)
  const replicas = [app, await replica(), await replica()]
  google.revokeGrant(connection.account.sub)
  expire()
  const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => vend({}, replicas[n % 3])))
  for (const answer of answers) {
    t.equal(answer.statusCode, 409)
    t.match(problemOf(answer), { code: 'needs_reconnect', reason: 'revoked', connectUrl: String })
  }
  t.equal(refreshes(), 1)
  t.same(await events(), ['connection.connected', 'connection.needs_reconnect'])

  for (const at of replicas) isProblem(t, await vend({}, at), 409, 'needs_reconnect')
  isProblem(t, await ada.fetch(`/connections/${connection.id}/gmail/messages`), 409, 'needs_reconnect')
  t.equal(refreshes(), 1, 'Google is not asked again')
  t.equal(google.calls('gmail'), 0)
  t.match(await stored(), { deadReason: 'revoked', accessToken: null, lease: null })

  // The connectUrl in the answer works.
  const { connectUrl = '' } = problemOf(await vend())
  const { pathname, search } = new URL(connectUrl)
  t.equal((await ada.connect({}, pathname + search)).statusCode, 200)
  t.equal((await vend()).statusCode, 200)
  t.same(await events(), ['connection.connected', 'connection.needs_reconnect', 'connection.recovered'])
  t.same(google.violations, [])
})

for (const [refusal, reason] of [
  [{}, 'revoked'],
  [{ error_description: 'Token has been expired or revoked.' }, 'revoked'],
  [{ error_subtype: 'something_new' }, 'revoked'],
  [{ error_subtype: 'invalid_rapt' }, 'reauth_required'],
  [{ status: 403, error_subtype: 'admin_policy_enforced' }, 'admin_policy'],
  [{ error_subtype: 'org_internal' }, 'admin_policy'],
  [{ error: 'admin_policy_enforced' }, 'admin_policy'],
  [{ error: 'policy_enforced' }, 'admin_policy'],
  [{ error_subtype: 'rapt_required' }, 'reauth_required'],
  [{ error_subtype: 'account_disabled' }, 'account_disabled'],
  [{ error_description: 'Account has been deleted' }, 'account_disabled'],
  [{ status: 401 }, 'revoked']
] as const) {
  t.test(`[R70] invalid_grant › ${JSON.stringify(refusal)} › ${reason}`, async t => {
    const { google, ada, connection, expire, vend, events } = await tell(t)
    google.refuseRefresh(connection.account.sub, refusal)
    expire()
    const answer = await vend()
    isProblem(t, answer, 409, 'needs_reconnect')
    t.equal(problemOf(answer).reason, reason)
    const { connections } = (await ada.fetch('/connections')).json()
    t.match(connections, [{ status: 'needs_reconnect', reason, connectUrl: problemOf(answer).connectUrl }])
    t.equal((await events()).length, 2)
  })
}

t.test('[R70] invalid_grant › past the announced expiry › refresh_token_expired', async t => {
  const { google, clock, ada, vend } = await tell(t)
  google.refreshTokenLifetimeSeconds = 604_800
  await ada.connected()
  clock.advance(604_800_000)
  const answer = await vend()
  isProblem(t, answer, 409, 'needs_reconnect')
  t.equal(problemOf(answer).reason, 'refresh_token_expired')
})

t.test(
  '[R70] invalid_grant › the announced expiry passes without requests › Google is asked, and the status is right',
  async t => {
    const { app, google, clock, ada, stored, events } = await tell(t)
    google.refreshTokenLifetimeSeconds = 604_800
    await ada.connected()
    clock.advance(7 * 86_400_000)
    t.match((await events()).slice(-2), ['connection.expiring', 'connection.needs_reconnect'])
    t.match(await stored(), { deadReason: 'refresh_token_expired' })
    t.match(await app.metrics.text(), /^guichet_connections_dead 1$/m)
  }
)

t.test('announced expiry › passes and the grant still works › it is dropped after one check', async t => {
  const { google, clock, ada, vend, refreshes, stored, events } = await tell(t)
  await ada.connect({}, '/connect/gmail')
  google.fault('token', { mutate: json => ({ ...json, refresh_token_expires_in: 100_000 }) })
  clock.advance(google.accessTokenLifetimeSeconds * 1000)
  t.equal((await vend()).statusCode, 200)
  clock.advance(100_000_000)
  await events()
  const asked = refreshes()
  t.match(await stored(), { deadReason: null, refreshTokenExpiresAt: null })
  t.equal((await vend()).statusCode, 200)
  await events()
  t.equal(refreshes(), asked)
})

t.test('[F22] invalid_grant › while an access token is still valid › the connection is dead all the same', async t => {
  const { google, clock, connection, vend, refreshes, events, stored } = await tell(t)
  const before = await stored()
  google.refuseRefresh(connection.account.sub, {})
  clock.advance((google.accessTokenLifetimeSeconds - 50) * 1000)
  isProblem(t, await vend(), 409, 'needs_reconnect')
  isProblem(t, await vend(), 409, 'needs_reconnect')
  t.equal(refreshes(), 1)
  t.same(await events(), ['connection.connected', 'connection.needs_reconnect'])
  const after = await stored()
  t.equal(after.accessToken, null)
  t.equal(after.refreshToken, before.refreshToken, 'kept, for disconnecting still has to revoke the grant')
})

t.test('[F23] invalid_grant › for a refresh token that was replaced meanwhile › is ignored', async t => {
  const { app, replica, google, ada, connection, expire, vend, events, refreshes, stored } = await tell(t)
  const other = await replica()
  expire()
  // The refresh with the old token is under way when the user reconnects.
  const { release } = google.fault('token', { hang: true })
  const arrived = google.arrival('token')
  const waiting = [vend({}, app), vend({}, other)]
  await arrived
  await ada.connected()
  google.refuseRefresh(connection.account.sub, {})
  release()
  for (const answer of await Promise.all(waiting)) {
    t.equal(answer.statusCode, 200)
    t.equal(google.ledger.canOpen(answer.json().access_token), connection.account.sub)
  }
  t.equal(refreshes(), 1)
  t.match(await stored(), { deadReason: null, lease: null })
  t.same(await events(), ['connection.connected', 'connection.connected'], 'both made by the user')
})

t.test('[F27] refresh › the scope is narrowed › the token is vended, and calls that need more are refused', async t => {
  const { google, ada, connection, backend, expire, vend, events, stored } = await tell(t)
  const readonly = 'https://www.googleapis.com/auth/gmail.readonly'
  google.narrow(connection.account.sub, [readonly])
  expire()
  const answer = await vend()
  t.equal(answer.statusCode, 200)
  t.same(answer.json().scope.split(' ').sort(), (await stored()).grantedScopes.toSorted())
  t.match(answer.json().scope, readonly)
  t.notMatch(answer.json().scope, 'gmail.modify')
  const message = google.user('ada@example.com').messages[0]?.id
  for (const fetch of [ada.fetch, (url: string, ...rest: ['POST', object]) => backend.fetch(`/v1${url}`, ...rest)]) {
    const url = `/connections/${connection.id}/gmail/messages/${message}/modify`
    isProblem(t, await fetch(url, 'POST', { addLabels: ['STARRED'] }), 403, 'missing_scopes')
  }
  t.equal((await backend.fetch(`/v1/connections/${connection.id}/gmail/messages`)).statusCode, 200)
  const { connections } = (await ada.fetch('/connections')).json()
  t.match(connections, [
    { status: 'partial', missingScopes: ['https://www.googleapis.com/auth/gmail.modify'], connectUrl: String }
  ])
  t.same(await events(), ['connection.connected', 'connection.partial'])
  expire()
  await vend()
  t.same(await events(), ['connection.connected', 'connection.partial'], 'and told once')
  t.same(google.violations, [])
})

t.test('[F27] refresh › the scope is narrowed during a modify › nothing is modified', async t => {
  const { google, ada, connection, expire } = await tell(t)
  google.narrow(connection.account.sub, ['https://www.googleapis.com/auth/gmail.readonly'])
  expire()
  const message = google.user('ada@example.com').messages[0]?.id
  const url = `/connections/${connection.id}/gmail/messages/${message}/modify`
  isProblem(t, await ada.fetch(url, 'POST', { addLabels: ['STARRED'] }), 403, 'missing_scopes')
  t.equal(google.calls('gmail'), 0)
})
