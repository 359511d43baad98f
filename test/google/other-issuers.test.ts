import t from 'tap'
import { codeOf, isRefused } from '../flows/doors.ts'
import { build, collectionsOf } from '../helper.ts'

t.test('[R7] issuer › ends in a slash › the slash is kept everywhere', async t => {
  const { google, browser, replica } = await build(t)
  const issuer = `${google.issuer}/`
  google.fault('discovery', { mutate: json => ({ ...json, issuer }) }, Number.POSITIVE_INFINITY)
  const app = await replica({ GOOGLE_ISSUER: issuer })
  const ada = browser(app)
  const callback = await ada.authorize('/auth/google', { iss: issuer })
  google.nextIdToken({ claims: { iss: issuer } })
  t.equal(codeOf(await ada.fetch(callback)), undefined)
  t.equal((await collectionsOf(app).users.findOne({}))?.issuer, issuer)
  t.ok(google.requestsTo('discovery').every(({ path }) => path === '/.well-known/openid-configuration'))

  const stranger = browser(app)
  isRefused(t, await stranger.fetch(await stranger.authorize('/auth/google')), 400, 'iss_mismatch')
  t.same(google.violations, [])
})

t.test('[R14] issuer › differs from discovery’s by a trailing slash › refused', async t => {
  const { google, browser, replica } = await build(t)
  const slash = browser(await replica({ GOOGLE_ISSUER: `${google.issuer}/` }))
  isRefused(t, await slash.fetch('/auth/google'), 503, 'google_unavailable')
  google.fault('discovery', { mutate: json => ({ ...json, issuer: `${google.issuer}/` }) }, Number.POSITIVE_INFINITY)
  isRefused(t, await browser(await replica()).fetch('/auth/google'), 503, 'google_unavailable')
})

t.test('[R14] issuer › an endpoint in its metadata has a query › the query is kept', async t => {
  const { google, signedIn, replica } = await build(t)
  const ada = await signedIn()
  const connection = await ada.connected()
  const named = ['authorization', 'token', 'revocation'].map(name => `${name}_endpoint`)
  google.fault(
    'discovery',
    {
      mutate: json => ({
        ...json,
        ...Object.fromEntries(named.map(name => [name, `${json[name]}?tenant=a%20b&scope=mine`]))
      })
    },
    Number.POSITIVE_INFINITY
  )
  const elsewhere = ada.clone(await replica())
  const started = new URL((await elsewhere.fetch('/connect/gmail')).json().url)
  t.equal(started.searchParams.get('tenant'), 'a b')
  t.match(started.searchParams.getAll('scope'), [/gmail\.readonly/], 'what is ours is sent once')
  started.searchParams.delete('tenant')
  const { search } = new URL(google.consent(started))
  await elsewhere.fetch(`/connect/gmail/callback${search}`)
  t.equal(google.requestsTo('token').at(-1)?.query, 'tenant=a%20b&scope=mine', 'the exchange')
  await elsewhere.fetch(`/connections/${connection.id}`, 'DELETE')
  t.equal(google.requestsTo('revoke').at(-1)?.query, 'tenant=a%20b&scope=mine', 'the revocation')
})

t.test('[R14] issuer › metadata that says null of `iss` › is a no', async t => {
  const { google, browser, replica } = await build(t)
  const name = 'authorization_response_iss_parameter_supported'
  google.fault('discovery', { mutate: json => ({ ...json, [name]: null }) }, Number.POSITIVE_INFINITY)
  t.equal((await browser(await replica()).fetch('/auth/google')).statusCode, 200)
})

t.test('[R30] revoking › the call authenticates the client', async t => {
  const { google, signedIn } = await build(t)
  const ada = await signedIn()
  const connection = await ada.connected()
  t.match((await ada.fetch(`/connections/${connection.id}`, 'DELETE')).json(), { revoked: 'confirmed' })
  const form = new URLSearchParams(google.requestsTo('revoke')[0]?.body)
  t.same([...form.keys()].sort(), ['client_id', 'client_secret', 'token'])
  t.same([form.get('client_id'), form.get('client_secret')], [google.clientId, google.clientSecret])
  t.same(google.violations, [])
})

t.test('[R11] id_token › an audience in a list, and email_verified as text › accepted', async t => {
  const { google, browser } = await build(t, { environment: { SIGN_IN_ALLOW: 'ada@example.com' } })
  for (const [claims, isVerified] of [
    [{ aud: [google.clientId] }, true],
    [{ azp: null }, true],
    [{ email_verified: 'true' }, true],
    [{ email_verified: 'false' }, false],
    [{ email_verified: null }, false],
    [{ email_verified: 'yes' }, false],
    [{ email_verified: 1 }, false],
    [{ email_verified: undefined }, false]
  ] as const) {
    const ada = browser()
    const callback = await ada.authorize('/auth/google')
    google.nextIdToken({ claims })
    t.equal(codeOf(await ada.fetch(callback)), isVerified ? undefined : 'sign_in_not_allowed', JSON.stringify(claims))
  }
})
